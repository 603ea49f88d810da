import { StopBoard } from '../driver/stop-board.ts';
import { defaultTiming, timestampOf } from '@runctl/protocol';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { StopRequest } from '../lifecycle/model.ts';
import { Limits, type LimitsParts } from './limits.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface World {
  readonly budgetUsd?: number;
  readonly graceMs?: number;
  readonly validForMs?: number;
  readonly saveMs?: number;
  readonly uploadMs?: number;
  /** The upload has been under way since the start, and nothing else is known of one. */
  readonly stalls?: boolean;
}

/** A machine at a dollar an hour, whose stops are kept with when they were raised. */
function limited({ budgetUsd, graceMs, validForMs, saveMs, uploadMs, stalls }: World) {
  const clock = new FakeClock();
  const raised: (StopRequest & { readonly atMs: number })[] = [];
  const stops = new StopBoard(clock);
  stops.follow((request) => raised.push({ ...request, atMs: clock.monotonicMs() }));
  const validUntil = timestampOf(clock.wallMs() + (validForMs ?? 1000 * HOUR_MS));
  const policy = { budgetUsd: budgetUsd ?? null, graceMs: graceMs ?? null, maxInterruptions: null, maxCrashes: 3 };
  const attempt = { paidSince: timestampOf(clock.wallMs()), earlierSpentUsd: 0 };
  const fit = { save: { ms: saveMs ?? null, from: null }, upload: { ms: uploadMs ?? null, from: null } };
  const parts = {
    learned: { spec: { policy, timing: defaultTiming }, intent: { validUntil } },
    self: { pricePerHourUsd: 1 },
    fit: {
      estimate: (nowMs: number) => (stalls === true ? { ...fit, upload: { ms: nowMs, from: 'under-way' } } : fit),
    },
    checkpoints: { publisher: { uploads: () => [] } },
    journal: { state: { attempt } },
    stops,
    life: { touch: () => {} },
    clock,
  };
  const over = new AbortController();
  // The limits read no more than this of each.
  new Limits(parts as unknown as LimitsParts).run(over.signal).catch(() => {});
  return { clock, raised, end: () => over.abort() };
}

test('a budget without a measured save is a stop when it is spent', async () => {
  const { clock, raised, end } = limited({ budgetUsd: 1 });
  await clock.advance(HOUR_MS - 1);
  expect(raised).toEqual([]);
  await clock.advance(15_000);
  expect(raised).toMatchObject([{ cause: 'budget', haltAtMs: null, graceMs: null }]);
  end();
});

test.each([
  { saveMs: 4 * MINUTE_MS, uploadMs: 6 * MINUTE_MS },
  { saveMs: 10_000, uploadMs: 1000 },
  { saveMs: 90_000 },
  { uploadMs: 20 * MINUTE_MS },
  { saveMs: 1, uploadMs: 1 },
])('a budget is a stop so early that the last save fits before it: %o', async (measured) => {
  const { clock, raised, end } = limited({ budgetUsd: 1, ...measured });
  await clock.advance(HOUR_MS);
  const lastSaveMs = (measured.saveMs ?? 0) + (measured.uploadMs ?? 0);
  expect(raised).toHaveLength(1);
  const { atMs = 0 } = raised[0] ?? {};
  expect(atMs + lastSaveMs).toBeLessThanOrEqual(HOUR_MS);
  expect(atMs + lastSaveMs).toBeGreaterThan(HOUR_MS - 3 * defaultTiming.heartbeatMs);
  end();
});

test('an upload that stalls brings neither a budget nor a deadline nearer', async () => {
  const stalled = limited({ budgetUsd: 1, validForMs: 2 * HOUR_MS, stalls: true });
  await stalled.clock.advance(HOUR_MS - 1);
  expect(stalled.raised).toEqual([]);
  await stalled.clock.advance(15_000);
  expect(stalled.raised).toMatchObject([{ cause: 'budget' }]);
  stalled.end();
});

test('a deadline comes by so much earlier, and never later than ten minutes before the end', async () => {
  const { clock, raised, end } = limited({ validForMs: 2 * HOUR_MS, saveMs: 5 * MINUTE_MS, uploadMs: 7 * MINUTE_MS });
  await clock.advance(2 * HOUR_MS - 30 * MINUTE_MS);
  expect(raised).toEqual([]);
  await clock.advance(8 * MINUTE_MS + 15_000);
  expect(raised).toMatchObject([{ cause: 'deadline', haltAtMs: 2 * HOUR_MS - MINUTE_MS }]);
  end();
});

test("the run's own grace goes with both", async () => {
  const { clock, raised, end } = limited({ budgetUsd: 0.5, graceMs: 20_000, validForMs: HOUR_MS });
  await clock.advance(HOUR_MS);
  expect(raised).toMatchObject([
    { cause: 'budget', graceMs: 20_000 },
    { cause: 'deadline', graceMs: 20_000 },
  ]);
  end();
});
