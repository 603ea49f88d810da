import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { GetFileResult } from '@runctl/store';
import type { Bench, Row } from './bench.ts';
import { type Clients, findClients } from './s3/clients.ts';
import { BenchFolder, writeRandom } from './s3/files.ts';
import { type Contender, interleaved, wallSeconds } from './s3/interleaved.ts';
import { type Command, measured } from './s3/measured.ts';
import { cpuRow, ratioRow, reportedWall } from './s3/rows.ts';
import { Sink } from './s3/sink.ts';

const OURS = 'ours';
const CRT = 'CRT';
const RCLONE = 'rclone';
const SDK = 'SDK GetObject';

export const bench: Bench = {
  name: 'download',
  about:
    'downloading one file over TLS on loopback, ours held against the CRC-32 of every part, against the AWS CRT, rclone and the SDK',
  async run(progress, options) {
    const sizeMiB = options.sizeMiB ?? 2048;
    const sizeBytes = sizeMiB * 1024 ** 2;
    await using folder = await BenchFolder.make(sizeBytes * 2);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const path = folder.file('file');
    const target = folder.file('downloaded');
    await writeRandom(path, sizeBytes, 1);
    await sink.serve('file', path);
    const ours = clients.program('ours', ['download', sink.https, 'file', target]);
    await assertSame(path, JSON.parse((await measured(ours)).stdout) as GetFileResult, target);
    progress('untimed: the file that came is the one that is served');
    const contenders = contendersFor(clients, { ours, target, https: sink.https });
    const series = await interleaved(
      contenders.map(([name, command]): Contender => ({
        name,
        run: () => download(command, { sink, target, sizeBytes }),
      })),
      { rounds: options.rounds ?? 3, progress },
    );
    const all = [...series.values()];
    const crtVersion = clients.crt?.version ?? 'AWS CLI v2 with CRT';
    const sdkVersion = `SDK GetObject ${clients.sdkVersion}`;
    const [first, ...others] = all;
    const speed = (name: string) => (series.get(name) === undefined ? null : wallSeconds(series.get(name)!));
    const what = `download with CRC-32 of every part, ${sizeMiB} MiB`;
    const rows: Row[] = [
      cpuRow(what, 1.15, { ours: first, peer: series.get(CRT), peerName: crtVersion, sizeBytes }),
      ratioRow(`${what}, by the clock`, 0.4, {
        ours: speed(OURS) ?? [],
        peer: speed(SDK),
        peerName: sdkVersion,
        unit: 's',
      }),
    ];
    if (first !== undefined) rows.push(reportedWall('download, by the clock', first, others, sizeBytes));
    return {
      rows,
      raw: { sizeBytes, versions: { crt: crtVersion, sdk: sdkVersion, rclone: clients.rclone?.version }, series: all },
    };
  },
};

function contendersFor(
  clients: Clients,
  { ours, target, https }: { readonly ours: Command; readonly target: string; readonly https: string },
): [string, Command][] {
  const { crt, rclone } = clients;
  return [
    [OURS, ours],
    ...(crt === null ? [] : [[CRT, crt.command(['cp', 's3://b/file', target, '--no-progress'])] as [string, Command]]),
    ...(rclone === null ? [] : [[RCLONE, rclone.command(['copyto', 'sink:b/file', target])] as [string, Command]]),
    [SDK, clients.program('sdk', ['download', https, 'file', target])],
  ];
}

async function download(
  command: Command,
  { sink, target, sizeBytes }: { readonly sink: Sink; readonly target: string; readonly sizeBytes: number },
) {
  await rm(target, { force: true });
  const before = await sink.stats();
  const sample = await measured(command);
  const sentBytes = (await sink.stats()).bytesOut - before.bytesOut;
  if (sentBytes < sizeBytes) throw new Error(`${command.file} fetched ${sentBytes} bytes of ${sizeBytes}`);
  return sample;
}

/** What the program says it verified, and what it left on disk, must both be the file. */
async function assertSame(path: string, told: GetFileResult, target: string): Promise<void> {
  const [wanted, got] = await Promise.all([sha256Of(path), sha256Of(target)]);
  if (wanted !== got) throw new Error('the downloaded file differs from the one that is served');
  if (told.parts.length === 0) throw new Error('the download named no parts');
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
