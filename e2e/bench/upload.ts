import type { Bench, Row } from './bench.ts';
import { findClients } from './s3/clients.ts';
import { BenchFolder, writeRandom } from './s3/files.ts';
import { type Contender, interleaved } from './s3/interleaved.ts';
import { measured } from './s3/measured.ts';
import { cpuRow, reportedWall } from './s3/rows.ts';
import type { SinkStats } from './s3/sink-state.ts';
import { Sink } from './s3/sink.ts';

const OURS = 'ours';
const OURS_HASHED = 'ours with sha256';
const SDK = 'lib-storage';
const CRT = 'CRT';

export const bench: Bench = {
  name: 'upload',
  about: 'CPU of uploading one file over TLS on loopback into a sink, against the AWS CRT and @aws-sdk/lib-storage',
  async run(progress, options) {
    const sizeMiB = options.sizeMiB ?? 2048;
    const sizeBytes = sizeMiB * 1024 ** 2;
    await using folder = await BenchFolder.make(sizeBytes);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const path = folder.file('file');
    await writeRandom(path, sizeBytes, 1);
    const ours = (hash: string) => clients.program('ours', ['upload', sink.https, 'ours', path, hash]);
    const check = await verified(sink, () => measured(ours('both')));
    progress(`untimed: the sink checked ${check.crcsChecked} CRCs of parts`);
    const upload = (name: string, command: Parameters<typeof measured>[0]): Contender => ({
      name,
      async run() {
        const before = await sink.stats();
        const sample = await measured(command);
        const receivedBytes = (await sink.stats()).bytesIn - before.bytesIn;
        if (receivedBytes < sizeBytes) throw new Error(`${name} sent ${receivedBytes} bytes of ${sizeBytes}`);
        return sample;
      },
    });
    const { crt } = clients;
    const series = await interleaved(
      [
        upload(OURS, ours('crc32')),
        upload(OURS_HASHED, ours('both')),
        ...(crt === null ? [] : [upload(CRT, crt.command(['cp', path, 's3://b/crt', '--no-progress']))]),
        upload(SDK, clients.program('sdk', ['upload', sink.https, 'sdk', path])),
      ],
      { rounds: options.rounds ?? 3, progress },
    );
    const compare = (what: string, goal: number, [one, peer, peerName]: readonly [string, string, string]): Row =>
      cpuRow(`${what}, ${sizeMiB} MiB`, goal, { ours: series.get(one), peer: series.get(peer), peerName, sizeBytes });
    const all = [...series.values()];
    const crtVersion = crt?.version ?? 'AWS CLI v2 with CRT';
    const sdkVersion = `lib-storage ${clients.sdkVersion}`;
    const [first, ...others] = all;
    return {
      rows: [
        compare('upload, CRC per part', 1, [OURS, CRT, crtVersion]),
        compare('upload, CRC per part', 0.45, [OURS, SDK, sdkVersion]),
        compare('upload with sha256 of every part', 1.45, [OURS_HASHED, CRT, crtVersion]),
        ...(first === undefined ? [] : [reportedWall('upload, by the clock', first, others, sizeBytes)]),
      ],
      raw: { sizeBytes, versions: { crt: crtVersion, sdk: sdkVersion }, series: all, check },
    };
  },
};

/** One upload that is not timed: the sink compares every part with its CRC header. */
async function verified(sink: Sink, upload: () => Promise<unknown>): Promise<SinkStats> {
  await sink.behave({ verify: true });
  await upload();
  const stats = await sink.stats();
  await sink.behave();
  await sink.reset();
  if (stats.crcsChecked === 0 || stats.wrongCrcs > 0)
    throw new Error(`${stats.crcsChecked} CRCs of parts were checked, ${stats.wrongCrcs} were wrong`);
  return stats;
}
