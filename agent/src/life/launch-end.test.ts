import { silentLog } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { hasLaunchSucceeded } from './launch-end.ts';

type Answer = (signal?: AbortSignal) => Promise<LaunchOutcome | null>;

const outcome =
  (status: LaunchOutcome['status']): Answer =>
  async () =>
    ({ status }) as LaunchOutcome;
const away: Answer = () => Promise.reject(new StoreError('transient', 'SlowDown'));
const silent: Answer = (signal) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));

test.each<[string, Answer, boolean, number]>([
  ['says that it succeeded', outcome('succeeded'), true, 0],
  ['says that it failed', outcome('failed'), false, 0],
  ['has no outcome', async () => null, false, 0],
  ['is away', away, false, 15_000],
  ['gives no answer', silent, false, 15_000],
])('a bucket that %s answers in time', async (_what, launchOutcome, expected, withinMs) => {
  const clock = new FakeClock();
  const parts = { documents: { launchOutcome }, clock, log: silentLog, withinMs: 15_000 };
  const asked = hasLaunchSucceeded(parts, new AbortController().signal);
  expect(await clock.runUntil(asked, { stepMs: 500 })).toBe(expected);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(withinMs + 500);
});
