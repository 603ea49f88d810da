import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runctl/core';
import { MemoryStore } from '@runctl/store';
import { safetensorsOf, temporaryFolder, zipOf } from '@runctl/testkit';
import { type Bench, quantile, type Row } from './bench.ts';
import { publisherOf } from './kept/publisher.ts';

const GOAL_MS = 10_000;
const EVERY_MS = 1000;
const LOOK_MS = 250;
const KEPT = 5;

interface Script {
  readonly name: string;
  readonly path: (step: number) => string;
  readonly content: (sizeBytes: number) => Uint8Array;
}

const scripts: readonly Script[] = [
  {
    name: 'torch.save, a file for each step',
    path: (step) => `step_${step}.pt`,
    content: (sizeBytes) => zipOf(Buffer.alloc(sizeBytes, `${performance.now()}`)),
  },
  {
    name: 'safetensors, a file for each step',
    path: (step) => `model-${step}.safetensors`,
    content: (sizeBytes) => safetensorsOf(randomBytes(sizeBytes)),
  },
  {
    name: 'torch.save, one file overwritten by a rename',
    path: () => 'model.pt',
    content: (sizeBytes) => zipOf(Buffer.alloc(sizeBytes, `${performance.now()}`)),
  },
];

export const bench: Bench = {
  name: 'frequent-saves',
  about: 'from the end of a save to durable, with a save each second',
  async run(progress, options) {
    const sizeBytes = (options.sizeMiB ?? 4) * 1024 ** 2;
    const saves = options.rounds ?? 60;
    const rows: Row[] = [];
    const raw: Record<string, readonly number[]> = {};
    for (const script of scripts) {
      const latenciesMs = await latenciesOf(script, { saves, sizeBytes });
      const p95 = quantile(latenciesMs, 0.95);
      progress(`${script.name}: ${latenciesMs.length} of ${saves} saves durable or followed by one that is`);
      raw[script.name] = latenciesMs;
      rows.push({
        what: `${script.name}, each second: end of a save → durable, p95`,
        ours: `${(p95 / 1000).toFixed(1)} s`,
        peer: null,
        ratio: null,
        goal: `≤ ${GOAL_MS / 1000} s`,
        met: latenciesMs.length === saves && p95 <= GOAL_MS,
      });
    }
    return { rows, raw };
  },
};

/** From the end of each save to when it, or one after it, was durable; of those for which that came. */
async function latenciesOf(
  { content, path }: Script,
  { saves, sizeBytes }: { readonly saves: number; readonly sizeBytes: number },
): Promise<readonly number[]> {
  const temporary = await temporaryFolder('frequent-saves');
  const folder = join(temporary.path, 'checkpoints');
  const clock = systemClock;
  const endedMs: number[] = [];
  const latenciesMs: number[] = [];
  const over = new AbortController();
  const save = async (): Promise<void> => {
    await mkdir(folder, { recursive: true });
    for (let step = 1; step <= saves; step++) {
      const startMs = clock.monotonicMs();
      await writeFile(join(folder, 'save.tmp'), content(sizeBytes));
      await rename(join(folder, 'save.tmp'), join(folder, path(step)));
      endedMs.push(clock.wallMs());
      if (path(step) !== path(step - KEPT)) await rm(join(folder, path(step - KEPT)), { force: true });
      await clock.sleep(Math.max(0, EVERY_MS - (clock.monotonicMs() - startMs)));
    }
    await clock.sleep(GOAL_MS);
    over.abort();
  };
  const look = async (): Promise<void> => {
    const publisher = publisherOf({ store: new MemoryStore({ clock }), folder, clock });
    const { signal } = new AbortController();
    while (!over.signal.aborted) {
      const { durable } = await publisher.pass({ signal });
      const savedAtMs = durable === null ? 0 : Date.parse(durable.savedAt);
      const nowMs = clock.wallMs();
      // The file's time is that of its last byte, a moment before the rename.
      while ((endedMs[latenciesMs.length] ?? Infinity) - LOOK_MS <= savedAtMs)
        latenciesMs.push(nowMs - (endedMs[latenciesMs.length] ?? nowMs));
      await clock.sleep(LOOK_MS);
    }
    await publisher.settled();
  };
  try {
    await Promise.all([save(), look()]);
  } finally {
    await rm(temporary.path, { recursive: true, force: true });
  }
  return latenciesMs;
}
