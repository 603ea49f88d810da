import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { Cloud } from '../cloud.ts';
import { planMoments } from './moments.ts';
import { rehearse } from './rehearse.ts';
import { rehearsedRun } from './testing/rehearsed-run.ts';
import { WrittenElsewhere } from './written-elsewhere.ts';

const S = 1000;

/** A rehearsal with one interruption of a run that has started, and the times at which machines were taken. */
async function rehearsing() {
  const clock = new FakeClock();
  const run = await rehearsedRun(clock);
  await run.started(1);
  await run.heartbeat(1, { stepSource: 'unknown' });
  const takenAtMs: number[] = [];
  const stop = new AbortController();
  const rehearsal = rehearse({
    cloud: { store: run.store } as unknown as Cloud,
    run: run.run,
    clock,
    signal: stop.signal,
    moments: planMoments(() => 0, { interruptions: 1, noNotice: 0 }),
    reference: null,
    elsewhere: new WrittenElsewhere({
      clock,
      homes: async () => [],
      projectName: 'p',
      sent: new Set(),
      checkpointDir: 'checkpoints',
      outputDir: undefined,
    }),
    interrupt: async () => void takenAtMs.push(clock.monotonicMs()),
  });
  const ended = (async () => {
    for await (const event of rehearsal) void event;
  })().catch(() => {});
  return {
    clock,
    run,
    takenAtMs,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('the test is over'));
      await ended;
    },
  };
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 150) await clock.advance(150);
}

test('a script without a sign of life is not interrupted for a minute, and then all the same', async () => {
  await using scope = await rehearsing();
  const { clock, takenAtMs } = scope;
  await pass(clock, 59 * S);
  expect(takenAtMs).toEqual([]);
  await pass(clock, 3 * S);
  expect(takenAtMs).toHaveLength(1);
});

test('a script is interrupted between its second save and its third', async () => {
  await using scope = await rehearsing();
  const { clock, run, takenAtMs } = scope;
  await pass(clock, 5 * S);
  await run.checkpoint(1, 1, 10);
  await pass(clock, 5 * S);
  expect(takenAtMs).toEqual([]);
  await run.checkpoint(1, 2, 20);
  await pass(clock, 1 * S);
  expect(takenAtMs).toEqual([]);
  await pass(clock, 1 * S);
  expect(takenAtMs).toHaveLength(1);
});
