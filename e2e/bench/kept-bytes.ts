import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { decodeDocument, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { MemoryStore, readBytes } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import type { Bench, Row } from './bench.ts';
import { type Layout, layouts } from './kept/layouts.ts';
import { publisherOf, RUN, SETTLE_MS } from './kept/publisher.ts';

const GOAL = 1.05;
/** Longer than what is not wanted any more stays, so that the policy shows. */
const BETWEEN_SAVES_MS = 2 * 3_600_000;
/** Of a file without a step that goes along with each save, in sizes of a save. */
const STEPLESS_SAVES = 5;
const STEPLESS = 'vocabulary.txt';

interface Kept {
  readonly saves: number;
  readonly recogniser: string;
  readonly bucketBytes: number;
  readonly keptBytes: number;
}

export const bench: Bench = {
  name: 'kept-bytes',
  about: 'bytes of checkpoints in the bucket, against what the kept saves have of their own, by recogniser',
  async run(progress, options) {
    const sizeBytes = (options.sizeMiB ?? 1) * 1024 ** 2;
    const saves = options.rounds ?? 16;
    const rows: Row[] = [];
    const raw: Record<string, Kept> = {};
    for (const layout of layouts)
      for (const steplessBytes of layout.stepless === false ? [0] : [0, STEPLESS_SAVES * sizeBytes]) {
        const what =
          layout.name + (steplessBytes === 0 ? '' : `, a constant file of ${STEPLESS_SAVES} saves beside it`);
        const kept = await keptBy(layout, { saves, sizeBytes, steplessBytes });
        progress(`${what}: ${kept.recogniser}, ${kept.saves} of ${saves} saves kept`);
        raw[what] = kept;
        rows.push(rowOf(what, layout, kept));
      }
    return { rows, raw };
  },
};

function rowOf(what: string, { recogniser }: Layout, kept: Kept): Row {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const ratio = kept.keptBytes === 0 ? null : kept.bucketBytes / kept.keptBytes;
  return {
    what: `${what}: bytes in the bucket`,
    ours: mb(kept.bucketBytes),
    peer: `${kept.saves} saves: ${mb(kept.keptBytes)}`,
    ratio,
    goal: `≤ ${GOAL}`,
    met: ratio !== null && ratio <= GOAL && kept.recogniser === recogniser,
  };
}

/** What the bucket holds after so many saves of a script that never deletes one. Times are simulated. */
async function keptBy(
  layout: Layout,
  {
    saves,
    sizeBytes,
    steplessBytes,
  }: { readonly saves: number; readonly sizeBytes: number; readonly steplessBytes: number },
): Promise<Kept> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const temporary = await temporaryFolder('kept-bytes');
  try {
    const folder = join(temporary.path, 'checkpoints');
    const write = async (path: string, content: Uint8Array): Promise<void> => {
      const place = join(folder, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
      await utimes(place, clock.wallMs() / 1000, clock.wallMs() / 1000);
    };
    const signal = new AbortController().signal;
    const publisher = publisherOf({ store, folder, clock });
    if (steplessBytes > 0) await write(STEPLESS, Buffer.alloc(steplessBytes, 'word '));
    for (let step = 1; step <= saves; step++) {
      for (const [path, content] of layout.save(step, sizeBytes)) await write(path, content);
      for (let look = 0; look < 3; look++) {
        await publisher.pass({ signal });
        await clock.advance(SETTLE_MS);
      }
      await publisher.settled();
      await clock.advance(BETWEEN_SAVES_MS);
    }
    const own = layout.save(saves, sizeBytes).reduce((sum, [, content]) => sum + content.byteLength, 0);
    return { ...(await inBucket(store, own + steplessBytes)) };
  } finally {
    await rm(temporary.path, { recursive: true, force: true });
  }
}

async function inBucket(store: MemoryStore, saveBytes: number): Promise<Kept> {
  const keys = runKeys(RUN);
  let bucketBytes = 0;
  for await (const { sizeBytes } of store.list({ prefix: keys.dataRoot })) bucketBytes += sizeBytes;
  let saves = 0;
  let recogniser = 'none';
  for await (const { key } of store.list({ prefix: keys.manifestsFolder })) {
    saves += 1;
    ({ recogniser } = decodeDocument(manifestSchema, await readBytes(store, key), key));
  }
  return { saves, recogniser, bucketBytes, keptBytes: saves * saveBytes };
}
