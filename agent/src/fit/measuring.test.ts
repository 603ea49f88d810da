import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptDrained, AttemptOutcome, AttemptStatus, DrainReport, Manifest } from '@runctl/protocol';
import { defaultTiming, timestampOf } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { FitKeeper } from './fit-keeper.ts';
import { saveSpanMs } from './save-span.ts';
import { type EarlierLife, stopHistory } from './stop-history.ts';

const policy = { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 3 };

/** What a manifest says of files that were last written at a wall time. */
const manifestOf = (paths: readonly string[], savedMs: number, durableMs = savedMs): Manifest =>
  ({
    files: paths.map((path) => ({ path, sizeBytes: 1000 })),
    savedAt: timestampOf(savedMs),
    at: timestampOf(durableMs),
  }) as Manifest;

/** Writes a file whose last write comes so long after its birth. */
async function writeFor(path: string, ms: number): Promise<number> {
  await writeFile(path, 'x');
  const lastMs = Date.now() + ms;
  await utimes(path, lastMs / 1000, lastMs / 1000);
  return lastMs;
}

test("a save lasts from the birth of its first file to its last write, and old files don't count", async () => {
  await using place = await temporaryFolder('runctl-fit');
  const { path } = place;
  await writeFile(join(path, 'config.json'), '{}');
  await utimes(join(path, 'config.json'), 1000, 1000);
  const sinceMs = Date.now() - 1;
  await mkdir(join(path, 'step-1'));
  await writeFor(join(path, 'step-1/a.tmp'), 2000);
  await rename(join(path, 'step-1/a.tmp'), join(path, 'step-1/a.bin'));
  const savedMs = await writeFor(join(path, 'step-1/b.bin'), 5000);
  const spanMs = await saveSpanMs(path, manifestOf(['config.json', 'step-1/a.bin', 'step-1/b.bin'], savedMs), sinceMs);
  expect(spanMs).toBeGreaterThanOrEqual(4900);
  expect(spanMs).toBeLessThan(60_000);
});

test('the length of a save is unknown where files are written in place or are gone', async () => {
  await using place = await temporaryFolder('runctl-fit');
  const file = join(place.path, 'state.bin');
  await writeFile(file, 'old');
  const beforeMs = Date.now() + 1000;
  const savedMs = await writeFor(file, 5000);
  expect(await saveSpanMs(place.path, manifestOf(['state.bin'], savedMs), beforeMs)).toBeNull();
  expect(await saveSpanMs(place.path, manifestOf(['gone.bin'], savedMs), 0)).toBeNull();
});

test('what is measured of a run adds up to an estimate, by the limits that a real notice has', async () => {
  await using place = await temporaryFolder('runctl-fit');
  const keeper = new FitKeeper(place.path, { timing: defaultTiming, policy });
  expect(keeper.estimate(0, [])).toMatchObject({ verdict: 'unknown', usableMs: 110_000, saveLimitMs: 90_000 });
  const upload = [{ path: 'a', sentBytes: 0, sizeBytes: 9 }];
  keeper.estimate(1000, upload);
  expect(keeper.estimate(121_000, upload)).toMatchObject({ verdict: 'does-not-fit', upload: { ms: 120_000 } });
  const startedMs = Date.now() - 1;
  const savedMs = await writeFor(join(place.path, '1.bin'), 3000);
  await keeper.published(manifestOf(['1.bin'], savedMs, savedMs + 4000), startedMs);
  const fit = keeper.estimate(122_000, []);
  expect(fit).toMatchObject({ verdict: 'fits', upload: { ms: 4000, from: 'checkpoints' }, sizeBytes: 1000 });
  expect(fit.save.from).toBe('files');
  await keeper.published(manifestOf(['2.bin'], savedMs + 60_000, savedMs + 61_000), startedMs);
  expect(keeper.estimate(123_000, []).interval?.nowMs).toBe(60_000);
});

test('grace shortens what the script has, not what an upload has', () => {
  const keeper = new FitKeeper('/nowhere', { timing: defaultTiming, policy: { ...policy, graceMs: 30_000 } });
  expect(keeper.estimate(0, [])).toMatchObject({ usableMs: 110_000, saveLimitMs: 30_000 });
});

const drained = (drain: Partial<DrainReport>): AttemptDrained =>
  ({
    drain: {
      cause: 'notice',
      sigtermToExitMs: 10,
      sigtermToLastWriteMs: null,
      flushMs: 20,
      killed: false,
      newCheckpoint: true,
      notDurable: [],
      ...drain,
    },
  }) as unknown as AttemptDrained;
const status = { step: 3, phase: 'running', phaseSince: timestampOf(0), at: timestampOf(500) } as AttemptStatus;
const outcome = { ranMs: 1000 } as AttemptOutcome;

test('a life that vanished counts as an interruption that saved nothing, one that ended by itself as none', async () => {
  const lives: readonly EarlierLife[] = [
    { status, outcome: null, drained: null },
    { status, outcome, drained: drained({ notDurable: ['model.bin: too late'] }) },
    { status, outcome, drained: drained({ cause: 'user-stop' }) },
    { status, outcome, drained: null },
    { status: null, outcome: null, drained: null },
  ];
  const history = await stopHistory(
    (async function* () {
      yield* lives;
    })(),
  );
  expect(history.ranMs).toBe(3500);
  expect(history.stops.map(({ interruption, saved }) => [interruption, saved])).toEqual([
    [true, false],
    [true, false],
    [false, true],
  ]);
});

test('a save lasts until its last byte, though the shell around it died at once', async () => {
  const life: EarlierLife = { status, outcome, drained: drained({ sigtermToExitMs: 1, sigtermToLastWriteMs: 3000 }) };
  const history = await stopHistory(
    (async function* () {
      yield life;
    })(),
  );
  expect(history.stops[0]?.saveMs).toBe(3000);
});

test('a stop at which nothing was saved measures no save, one that was cut off does', async () => {
  const nothingNew = { newCheckpoint: false, sigtermToExitMs: 1 };
  const lives: readonly EarlierLife[] = [
    { status, outcome, drained: drained(nothingNew) },
    { status, outcome, drained: drained({ ...nothingNew, killed: true, sigtermToExitMs: 90_000 }) },
    { status, outcome, drained: drained({ ...nothingNew, notDurable: ['model.bin: too late'] }) },
  ];
  const history = await stopHistory(
    (async function* () {
      yield* lives;
    })(),
  );
  expect(history.stops.map(({ saveMs }) => saveMs)).toEqual([null, 90_000, 1]);
});
