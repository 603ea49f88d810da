import { expect, test } from 'vitest';
import { isSkewed, ServiceClock } from './service-clock.ts';

test('goes on from the time of the service, as this machine goes on', () => {
  let nowMs = 1_000_000;
  const clock = new ServiceClock({ wallMs: () => nowMs });
  expect(clock.wallMs()).toBe(1_000_000);
  clock.correct(9_000_000);
  nowMs += 500;
  expect(clock.wallMs()).toBe(9_000_500);
  clock.correct(1_000_000);
  expect(clock.wallMs()).toBe(1_000_000);
});

test('a difference of minutes explains a refusal, seconds or no date do not', () => {
  expect(isSkewed(400_000, 0)).toBe(true);
  expect(isSkewed(0, 400_000)).toBe(true);
  expect(isSkewed(200_000, 0)).toBe(false);
  expect(isSkewed(null, 0)).toBe(false);
});
