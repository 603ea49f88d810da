import { FakeClock } from '@runctl/testkit';
import { silentLog } from '@runctl/core';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { RunWorld } from '../testing/run-world.ts';
import { insist } from './insist.ts';

const COUNTER = { script: 'counter.py', args: ['2', '0.01'] } as const;

/** The bucket refuses the machine, and nobody else, for as long as `refusal` gives an error. */
async function refusing(refusal: () => StoreError | null): Promise<RunWorld> {
  const store = (memory: ObjectStore) =>
    intercepted(memory, (_call, perform) => {
      const error = refusal();
      if (error !== null) throw error;
      return perform();
    });
  return RunWorld.launch({ ...COUNTER, store });
}

describe('a bucket that refuses the first agent', () => {
  test.concurrent.each([
    ['because it is not there', 'bucket-missing'],
    ['for as long as a new right takes', 'denied'],
  ] as const)('%s ends the launch from the machine', async (_why, kind) => {
    await using world = await refusing(() => new StoreError(kind, 'refused by the test'));
    world.fleet.refusedMs = 200;
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(world.fleet.deletions).toBe(1);
    expect(machine.power.offs).toBe(1);
  });

  test.concurrent('for a shorter time, and its run is done', async () => {
    const until = Date.now() + 1500;
    await using world = await refusing(() => (Date.now() < until ? new StoreError('denied', 'not yet') : null));
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
  });
});

describe('insisting', () => {
  const asked = async (errors: readonly (StoreError | null)[], refusedMs?: number) => {
    const clock = new FakeClock();
    let calls = 0;
    const ask = async () => {
      const error = errors[Math.min(calls++, errors.length - 1)];
      if (error !== null && error !== undefined) throw error;
      return 'answer';
    };
    const options = { clock, log: silentLog, signal: new AbortController().signal };
    const insisting = insist('no answer', ask, refusedMs === undefined ? options : { ...options, refusedMs });
    const answer = await clock.runUntil(insisting, { limitMs: 3_600_000 }).catch((error: unknown) => error);
    return { answer, calls, tookMs: clock.monotonicMs() };
  };
  const denied = new StoreError('denied', 'denied');
  const lost = new StoreError('transient', 'lost');
  const gone = new StoreError('bucket-missing', 'gone');

  test('gives up on what is denied for five minutes without a break', async () => {
    const { answer, tookMs } = await asked([denied], 300_000);
    expect(answer).toBe(denied);
    expect(tookMs).toBeGreaterThanOrEqual(300_000);
    expect(tookMs).toBeLessThan(480_000);
  });

  test('begins to count anew after any other answer', async () => {
    const often = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? denied : lost));
    expect((await asked([...often, null], 300_000)).answer).toBe('answer');
  });

  test('gives up at once where the bucket is not there', async () => {
    expect(await asked([gone, null], 300_000)).toMatchObject({ answer: gone, calls: 1 });
  });

  test('never gives up on a refusal where nobody says how long it may last', async () => {
    const often = Array.from({ length: 40 }, () => denied);
    expect((await asked([...often, gone, gone, null])).answer).toBe('answer');
  });
});
