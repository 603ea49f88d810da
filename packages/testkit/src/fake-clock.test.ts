import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { retry } from '@runctl/core';
import { FakeClock } from './fake-clock.ts';

test('retries what may succeed later, gives up on what will not, and counts the first try', async () => {
  const clock = new FakeClock();
  const policy = { attempts: 3, baseMs: 100, maxMs: 1000 };
  let calls = 0;
  const failing = retry(() => Promise.reject(new Error(`try ${++calls}`)), { policy, clock, retryable: () => true });
  await expect(clock.runUntil(failing)).rejects.toThrow('try 3');
  calls = 0;
  const fatal = retry(() => Promise.reject(new Error(`try ${++calls}`)), { policy, clock, retryable: () => false });
  await expect(fatal).rejects.toThrow('try 1');
});

test('a step of the wall clock does not move monotonic time', () => {
  const clock = new FakeClock();
  clock.stepWall(3_600_000);
  expect(clock.monotonicMs()).toBe(0);
});

test('time stands still while the disk is asked, however slow it is', async () => {
  const clock = new FakeClock();
  const reading = async (): Promise<void> => {
    for (let count = 0; count < 300; count++) await stat('/');
  };
  await clock.runUntil(reading());
  expect(clock.monotonicMs()).toBe(100);
});
