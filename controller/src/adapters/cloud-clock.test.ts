import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { CloudClock } from './cloud-clock.ts';

const DAY_MS = 86_400_000;

function corrected(...skewsMs: readonly number[]): { offMs: number; told: string[] } {
  const own = new FakeClock();
  const clock = new CloudClock(own);
  const told: string[] = [];
  for (const skewMs of skewsMs) clock.correct(own.wallMs() - skewMs, (text) => told.push(text));
  return { offMs: own.wallMs() - clock.wallMs(), told };
}

test.each([
  ['400 days ahead', [400 * DAY_MS], 400 * DAY_MS],
  ['400 days behind', [-400 * DAY_MS], -400 * DAY_MS],
  ['2 minutes ahead', [120_000], 120_000],
  ['59 s behind', [-59_000], -59_000],
  ['a second off, as every Date header', [1000], 0],
  ['set right while the command runs', [400 * DAY_MS, 0], 0],
  ['a fast answer after a slow one', [120_000, 121_500], 120_000],
  ['stepped further', [120_000, 3 * DAY_MS], 3 * DAY_MS],
])('a clock that is %s', (_what, skewsMs, offMs) => {
  expect(corrected(...skewsMs).offMs).toBe(offMs);
});

test('a difference of more than a minute is told once', () => {
  expect(corrected(400 * DAY_MS, 401 * DAY_MS).told).toEqual([
    "this computer's clock is 400d ahead of the cloud's, whose time is used",
  ]);
  expect(corrected(-90_000).told).toEqual(["this computer's clock is 1m 30s behind the cloud's, whose time is used"]);
  expect(corrected(59_000, -59_000).told).toEqual([]);
});
