import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { partGrid } from '@runctl/store';
import { type Bench, median } from './bench.ts';
import { findClients } from './s3/clients.ts';
import { BenchFolder, writeRandom } from './s3/files.ts';
import { interleaved, spread, wallSeconds } from './s3/interleaved.ts';
import { measured } from './s3/measured.ts';
import { Sink } from './s3/sink.ts';

const FAIL_SHARE = 0.02;
const CLEAN = 'no failures';
const FLAKY = '2 % failures';

export const bench: Bench = {
  name: 'flaky-s3',
  about:
    'uploading one file while 2 % of the requests that carry parts are answered 503, against the same without failures',
  async run(progress, options) {
    const sizeMiB = options.sizeMiB ?? 2048;
    await using folder = await BenchFolder.make(sizeMiB * 1024 ** 2);
    await using sink = await Sink.start();
    const clients = await findClients(sink, folder);
    const path = folder.file('file');
    await writeRandom(path, sizeMiB * 1024 ** 2, 1);
    const upload = () => measured(clients.program('ours', ['upload', sink.https, 'key', path, 'both']));
    await sink.behave({ failShare: FAIL_SHARE, verify: true });
    await upload();
    const exact = await isExact(path, (await sink.object('key')).parts);
    const injected = (await sink.stats()).failuresInjected;
    progress(`untimed: ${injected} failures, the object is ${exact ? '' : 'NOT '}byte-exact`);
    const contender = (name: string, failShare: number) => ({
      name,
      async run() {
        await sink.behave({ failShare });
        return upload();
      },
    });
    const series = await interleaved([contender(CLEAN, 0), contender(FLAKY, FAIL_SHARE)], {
      rounds: options.rounds ?? 4,
      progress,
    });
    const [clean, flaky] = [CLEAN, FLAKY].map((name) => wallSeconds(series.get(name)!));
    const ratio = median(flaky ?? []) / median(clean ?? []);
    return {
      rows: [
        {
          what: `upload with ${FAIL_SHARE * 100} % injected 503s, ${sizeMiB} MiB`,
          ours: `${spread(flaky ?? [])} s`,
          peer: `${CLEAN}: ${spread(clean ?? [])} s`,
          ratio,
          goal: '≤ 1.1',
          met: ratio <= 1.1,
        },
        {
          what: 'the object is byte-exact',
          ours: exact ? 'yes' : 'no',
          peer: null,
          ratio: null,
          goal: 'yes, after failures',
          met: exact && injected > 0,
        },
      ],
      raw: { series: [...series.values()], exact, injected },
    };
  },
};

/** Compares the SHA-256 of every part that the sink took with that of the file's own bytes. */
async function isExact(path: string, parts: readonly { readonly sha256: string | null }[]): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const grid = partGrid((await file.stat()).size).parts;
    if (grid.length !== parts.length) return false;
    for (const [index, { start, end }] of grid.entries()) {
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      if (createHash('sha256').update(buffer).digest('hex') !== parts[index]?.sha256) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}
