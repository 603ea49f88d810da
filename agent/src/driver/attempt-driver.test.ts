import { silentLog } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { AttemptPolicy } from '../lifecycle/model.ts';
import { type AttemptActions, driveAttempt } from './attempt-driver.ts';
import { StopBoard } from './stop-board.ts';

const HOUR_MS = 3_600_000;
const policy: AttemptPolicy = {
  flushReserveMs: 20_000,
  reportReserveMs: 5000,
  stalledFlushMs: 2 * HOUR_MS,
  unhurriedReportMs: 60_000,
  helplessStopMs: 90_000,
  firstByteMs: 300_000,
  savingPauseMs: 30_000,
  longestStopMs: 900_000,
  doneGraceMs: 60_000,
  doneKillMs: 10_000,
  afterKillMs: 5000,
};

/** An attempt whose workload has ended, and whose flush lasts until it is cut off. */
function flushingAttempt() {
  const clock = new FakeClock();
  const stops = new StopBoard(clock);
  const flush = { writes: 0, cutAtMs: null as number | null, cutBeforeReport: false };
  const actions: AttemptActions = {
    adopt: async () => ({ adopted: true, drain: null }),
    prepare: async () => {},
    spawn: async () => {},
    exited: async () => ({ code: 0, signal: null }),
    done: () => new Promise(() => {}),
    signal: async () => {},
    followSaving: async () => {},
    flush: (_request, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          flush.cutAtMs = clock.monotonicMs();
          resolve(false);
        }),
      ),
    sentWrites: () => flush.writes,
    report: async () => {
      flush.cutBeforeReport = flush.cutAtMs !== null;
    },
    onTransition: () => {},
  };
  const { signal } = new AbortController();
  const end = driveAttempt({ actions, clock, log: silentLog, policy, stops, signal });
  return { clock, end, flush, stops };
}

test('a flush of which something goes out every hour is not cut, and one that stands still is after two hours', async () => {
  const { clock, end, flush } = flushingAttempt();
  for (let hour = 0; hour < 10; hour++) {
    await clock.advance(HOUR_MS);
    flush.writes++;
  }
  await clock.advance(HOUR_MS);
  expect(flush.cutAtMs).toBeNull();
  await clock.advance(2 * HOUR_MS);
  expect(await end).toMatchObject({ flush: 'late' });
  expect(flush.cutBeforeReport).toBe(true);
  expect(flush.cutAtMs).toBeGreaterThanOrEqual(12 * HOUR_MS);
  expect(flush.cutAtMs).toBeLessThanOrEqual(12 * HOUR_MS + policy.stalledFlushMs / 100);
});

test("a flush under way hears of the launch's end, and is cut in time for the report", async () => {
  const { clock, end, flush, stops } = flushingAttempt();
  await clock.advance(60_000);
  stops.raise({ cause: 'deadline', haltAtMs: 600_000, graceMs: 90_000 });
  flush.writes++;
  await clock.advance(594_000);
  expect(await end).toMatchObject({ ending: { cause: 'exited' }, flush: 'late' });
  expect(flush).toMatchObject({ cutAtMs: 595_000, cutBeforeReport: true });
});

test('a flush under way is cut as soon as the lease is lost', async () => {
  const { clock, end, flush, stops } = flushingAttempt();
  await clock.advance(60_000);
  stops.raise({ cause: 'fenced', haltAtMs: null, graceMs: 0 });
  await clock.advance(0);
  expect(await end).toMatchObject({ ending: { cause: 'fenced' } });
  expect(flush.cutBeforeReport).toBe(true);
  expect(flush.cutAtMs).toBe(60_000);
});
