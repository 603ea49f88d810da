import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { SavingProgress } from '../../lifecycle/model.ts';
import { NOBODY_TOLD } from '../../workload/supervisor/supervisor.ts';
import { SaveWatch } from './save-watch.ts';

const SETTLE_MS = 2000;

/** A folder whose files bear the times of a clock that stands still, and a watch over it from SIGTERM on. */
class WatchedFolder implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly folder: string;
  seen: SavingProgress | null = null;
  readonly #over = new AbortController();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<WatchedFolder> {
    return new WatchedFolder(await mkdtemp(join(tmpdir(), 'saves-')));
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(join(this.folder, path, '..'), { recursive: true });
    await writeFile(join(this.folder, path), text);
    const seconds = this.clock.wallMs() / 1000;
    await utimes(join(this.folder, path), seconds, seconds);
  }

  async stop(couldSave: boolean | null = true): Promise<void> {
    const { clock, folder } = this;
    const supervisor = { stopping: () => ({ couldSave, othersWait: true, toldAtMs: null }) };
    const timing = { settleMs: SETTLE_MS, savingPauseMs: 30_000 };
    const watch = new SaveWatch({ folders: { checkpoint: folder }, supervisor, timing, clock });
    watch.follow(clock.wallMs(), (seen) => (this.seen = seen), this.#over.signal).catch(() => {});
    await clock.advance(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await rm(this.folder, { recursive: true });
  }
}

test('a save that begins after SIGTERM has begun with its first byte, and each further byte is seen', async () => {
  await using watched = await WatchedFolder.make();
  await watched.write('step-1/model.pt', 'x');
  await watched.clock.advance(60_000);
  await watched.stop();
  const { lookedAtMs, ...seen } = watched.seen ?? {};
  expect(seen).toEqual({ canSave: true, othersWait: true, toldAtMs: null, hasBegun: false, lastByteMs: null });
  expect(lookedAtMs).toBe(60_000);
  await watched.clock.advance(100_000);
  await watched.write('step-2/model.pt', 'x');
  await watched.clock.advance(1000);
  expect(watched.seen).toMatchObject({ hasBegun: true });
  const firstMs = watched.seen?.lastByteMs ?? 0;
  await watched.write('step-2/model.pt', 'xx');
  await watched.clock.advance(1000);
  expect(watched.seen?.lastByteMs).toBeGreaterThan(firstMs);
  const { lastByteMs } = watched.seen ?? {};
  await watched.clock.advance(20_000);
  expect(watched.seen?.lastByteMs).toBe(lastByteMs);
});

test('a save that was under way at SIGTERM is not the one that the stop waits for', async () => {
  await using watched = await WatchedFolder.make();
  await watched.write('model.pt', 'x');
  await watched.stop();
  for (let bytes = 2; bytes < 10; bytes++) {
    await watched.write('model.pt', 'x'.repeat(bytes));
    await watched.clock.advance(1000);
  }
  expect(watched.seen).toMatchObject({ hasBegun: false });
  expect(watched.seen?.lastByteMs).toBeGreaterThan(6000);
  await watched.clock.advance(40_000);
  await watched.write('model.pt', 'of its own');
  await watched.clock.advance(1000);
  expect(watched.seen).toMatchObject({ hasBegun: true });
});

test.each([
  ['a file that is renamed into its place', ['part.tmp', 'model.pt'], true],
  ['a log', ['train.log'], false],
  ['an event file', ['events.out.tfevents.1.host'], false],
  ['a database', ['study.db'], false],
  ['a folder of logs', ['wandb/run-1.wandb'], false],
  ['an unfinished file', ['model.pt.tmp'], true],
])('%s counts as it should', async (_name, [path = '', renamed], counts) => {
  await using watched = await WatchedFolder.make();
  if (renamed !== undefined) await watched.write(path, 'x');
  await watched.clock.advance(60_000);
  await watched.stop();
  if (renamed === undefined) await watched.write(path, 'x');
  else await rename(join(watched.folder, path), join(watched.folder, renamed));
  await watched.clock.advance(1000);
  expect(watched.seen?.hasBegun).toBe(counts);
});

test('a copy that bears the times of its source is a byte all the same', async () => {
  await using watched = await WatchedFolder.make();
  await watched.clock.advance(60_000);
  await watched.stop(null);
  await watched.write('model.pt', 'x');
  await utimes(join(watched.folder, 'model.pt'), 1, 1);
  await watched.clock.advance(1000);
  expect(watched.seen).toMatchObject({ canSave: null, hasBegun: true });
});

test('a deletion is no byte of a save', async () => {
  await using watched = await WatchedFolder.make();
  await watched.write('step-1.pt', 'x');
  await watched.clock.advance(60_000);
  await watched.stop();
  await rm(join(watched.folder, 'step-1.pt'));
  await watched.clock.advance(5000);
  expect(watched.seen).toMatchObject({ hasBegun: false, lastByteMs: null });
});

test('however slow a look is, the next one comes while a save that pauses is still waited for', async () => {
  await using watched = await WatchedFolder.make();
  const rests: number[] = [];
  let nowMs = 0;
  const clock = {
    wallMs: () => 0,
    monotonicMs: () => (nowMs += 4000),
    sleep: async (ms: number) => {
      rests.push(ms);
      throw new Error('enough');
    },
  };
  const supervisor = { stopping: () => NOBODY_TOLD };
  const timing = { settleMs: SETTLE_MS, savingPauseMs: 30_000 };
  const watch = new SaveWatch({ folders: { checkpoint: watched.folder }, supervisor, timing, clock });
  await expect(watch.follow(0, () => {}, new AbortController().signal)).rejects.toThrow('enough');
  expect(rests).toEqual([7500]);
});
