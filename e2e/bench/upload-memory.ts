import { open } from 'node:fs/promises';
import type { Bench } from './bench.ts';
import { findClients, type Clients } from './s3/clients.ts';
import { BenchFolder, safetensorsHeader } from './s3/files.ts';
import { type Measured, measured } from './s3/measured.ts';
import { Sink } from './s3/sink.ts';

const GOAL_BYTES = 260e6;
/** What the collector happens to leave lying differs that much between two equal runs. */
const FLAT = 1.15;

export const bench: Bench = {
  name: 'upload-memory',
  about: 'peak RSS of a process that runs the agent’s checkpoint engine while it uploads one large file over TLS',
  async run(progress, options) {
    const largeMiB = options.sizeMiB ?? 20 * 1024;
    const smallMiB = Math.max(64, Math.round(largeMiB / 10));
    await using folder = await BenchFolder.make(64 * 1024 ** 2);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const small = await publish({ sink, clients, folder, sizeMiB: smallMiB });
    progress(`${smallMiB} MiB: ${mb(small)}, ${(small.wallMs / 1000).toFixed(1)} s`);
    const large = await publish({ sink, clients, folder, sizeMiB: largeMiB });
    progress(`${largeMiB} MiB: ${mb(large)}, ${(large.wallMs / 1000).toFixed(1)} s`);
    const growth = large.peakRssBytes / small.peakRssBytes;
    return {
      rows: [
        {
          what: `peak RSS while uploading ${largeMiB} MiB (a sparse file)`,
          ours: mb(large),
          peer: null,
          ratio: null,
          goal: '≤ 260 MB',
          met: large.peakRssBytes <= GOAL_BYTES,
        },
        {
          what: 'the same, flat in file size',
          ours: mb(large),
          peer: `${smallMiB} MiB: ${mb(small)}`,
          ratio: growth,
          goal: `≤ ${FLAT}`,
          met: growth <= FLAT,
        },
      ],
      raw: { large, small, largeMiB, smallMiB },
    };
  },
};

const mb = ({ peakRssBytes }: Measured): string => `${(peakRssBytes / 1e6).toFixed(0)} MB`;

async function publish(given: {
  readonly sink: Sink;
  readonly clients: Clients;
  readonly folder: BenchFolder;
  readonly sizeMiB: number;
}): Promise<Measured> {
  const { sink, clients, folder, sizeMiB } = given;
  await sink.reset();
  await using checkpoints = await BenchFolder.make(0);
  await writeSparse(checkpoints.file('checkpoint-1.safetensors'), sizeMiB * 1024 ** 2);
  const sample = await measured(clients.program('publisher', [sink.https, checkpoints.path, '1']));
  const { bytesIn } = await sink.stats();
  if (bytesIn < sizeMiB * 1024 ** 2) throw new Error(`only ${bytesIn} bytes came to ${folder.path}'s sink`);
  return sample;
}

async function writeSparse(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.write(safetensorsHeader(sizeBytes));
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
