import { FakeClock } from '@runctl/testkit';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { adjustLanes, type LaneState } from './lane-control.ts';
import { Lanes } from './lanes.ts';

const BOUNDS = { least: 4, most: 32 };
const never = new AbortController().signal;
const start: LaneState = { limit: 8, bytesPerSecond: null, grown: false, restPeriods: 0 };

/** A network that gives each connection 50 MB/s up to a total. */
function settled(totalMBs: number): LaneState {
  let state = start;
  for (let period = 0; period < 60; period++) {
    const bytesPerSecond = Math.min(totalMBs, state.limit * 50) * 1e6;
    state = adjustLanes(state, { bytesPerSecond, saturated: true, throttled: false }, BOUNDS);
  }
  return state;
}

test('finds as many connections as the network pays for, and few more', () => {
  expect(settled(1250).limit).toBeGreaterThanOrEqual(24);
  expect(settled(100_000).limit).toBe(32);
  expect(settled(400).limit).toBeLessThanOrEqual(10);
});

test('halves when the store throttles, and never leaves its bounds', () => {
  const saturated = { bytesPerSecond: 1e9, saturated: true, throttled: true };
  expect(adjustLanes({ ...start, limit: 20 }, saturated, BOUNDS).limit).toBe(10);
  const sample = fc.record({ bytesPerSecond: fc.nat(1e9), saturated: fc.boolean(), throttled: fc.boolean() });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
      let state = start;
      for (const each of samples) {
        state = adjustLanes(state, each, BOUNDS);
        expect(state.limit).toBeGreaterThanOrEqual(BOUNDS.least);
        expect(state.limit).toBeLessThanOrEqual(BOUNDS.most);
      }
    }),
  );
});

test('nothing is tried while there are lanes to spare', () => {
  expect(adjustLanes(start, { bytesPerSecond: 1e9, saturated: false, throttled: false }, BOUNDS).limit).toBe(8);
});

test('runs no more at once than its limit, and measures what is sent while something is sent', async () => {
  const clock = new FakeClock();
  const lanes = new Lanes({ clock, bounds: { least: 2, most: 2 } });
  expect(lanes.bytesPerSecond()).toBeNull();
  let running = 0;
  let most = 0;
  const work = async (_buffer: Buffer, sent: (bytes: number) => void) => {
    most = Math.max(most, ++running);
    await clock.sleep(500);
    running--;
    sent(1000);
  };
  const all = Promise.all([1, 2, 3, 4].map(() => lanes.run({ sizeBytes: 16, signal: never }, work)));
  await clock.runUntil(all);
  expect(most).toBe(2);
  expect(lanes.bytesPerSecond()).toBeCloseTo(4000, -1);
  await clock.advance(60_000);
  expect(lanes.bytesPerSecond()).toBeCloseTo(4000, -1);
});

test('who waits for a lane can leave, and the next one gets it', async () => {
  const clock = new FakeClock();
  const lanes = new Lanes({ clock, bounds: { least: 1, most: 1 } });
  const gate = Promise.withResolvers<void>();
  const first = lanes.run({ sizeBytes: 1, signal: never }, () => gate.promise);
  const leaving = new AbortController();
  const second = lanes.run({ sizeBytes: 1, signal: leaving.signal }, () => Promise.resolve('second'));
  const third = lanes.run({ sizeBytes: 1, signal: never }, () => Promise.resolve('third'));
  leaving.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  gate.resolve();
  await first;
  expect(await third).toBe('third');
});

test('what the store asked before a pause does not slow down what is sent after it', async () => {
  const clock = new FakeClock();
  const lanes = new Lanes({ clock });
  const send = () =>
    clock.runUntil(
      Promise.all(Array.from({ length: 4 }, () => lanes.run({ sizeBytes: 1, signal: never }, () => clock.sleep(1500)))),
    );
  const before = lanes.limit;
  lanes.throttled();
  await clock.advance(3_600_000);
  await send();
  expect(lanes.limit).toBe(before);
  void clock.sleep(500).then(() => lanes.throttled());
  await send();
  expect(lanes.limit).toBe(before / 2);
});

test('bursts that are too short to be measured do not add up to a rate that nothing ever had', async () => {
  const clock = new FakeClock();
  const lanes = new Lanes({ clock, bounds: { least: 2, most: 8 } });
  const send = (parts: number) =>
    clock.runUntil(
      Promise.all(
        Array.from({ length: parts }, () =>
          lanes.run({ sizeBytes: 1, signal: never }, async (_buffer, sent) => {
            await clock.sleep(400);
            sent(1000);
          }),
        ),
      ),
    );
  for (let burst = 0; burst < 50; burst++) await send(8);
  await send(60);
  // The rate is limit × 1000 bytes in 400 ms: nothing collapsed, so no lane was taken away.
  expect(lanes.limit).toBe(8);
});
