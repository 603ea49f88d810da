import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { Patience } from './refusals.ts';

const denied = new StoreError('denied', 'AccessDenied');
const broken = new StoreError('transient', 'the connection broke');
const GIVE_UP_MS = 300_000;

test('a bucket that refuses without a break is given up after a while, in ever longer pauses', async () => {
  const clock = new FakeClock();
  const patience = new Patience({ clock, pauseMs: 1000, giveUpMs: GIVE_UP_MS });
  const pauses: number[] = [];
  for (let pause = patience.after(denied); pause !== null; pause = patience.after(denied)) {
    pauses.push(pause);
    await clock.advance(pause);
  }
  expect(pauses.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 10_000]);
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(GIVE_UP_MS);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(GIVE_UP_MS + 10_000);
  expect(patience.refusal).toBe(denied);
});

test('trouble on the way is no refusal, and begins its time anew', async () => {
  const clock = new FakeClock();
  const patience = new Patience({ clock, pauseMs: 1000, giveUpMs: GIVE_UP_MS });
  patience.after(denied);
  await clock.advance(GIVE_UP_MS);
  expect(patience.after(broken)).not.toBeNull();
  expect(patience.after(denied)).not.toBeNull();
  await clock.advance(GIVE_UP_MS - 1);
  expect(patience.after(denied)).not.toBeNull();
  // The lease ran out meanwhile, so that nothing was asked: it goes on refusing as far as anybody knows.
  await clock.advance(1);
  expect(patience.after(null)).toBeNull();
});

test('before a deadline it is tried again to the end, and as often', async () => {
  const clock = new FakeClock();
  const patience = new Patience({ clock, pauseMs: 1000, giveUpMs: null });
  for (let tries = 0; tries < 1000; tries++) {
    expect(patience.after(denied)).toBe(1000);
    await clock.advance(1000);
  }
});
