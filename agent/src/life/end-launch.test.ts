import { silentLog } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PowerEnd } from '../host/host.ts';
import { endLaunch } from './end-launch.ts';

const outcome = { status: 'succeeded' } as LaunchOutcome;
type Step = 'outcome' | 'successors' | 'lease' | 'power';

/** Every step fails as often as the test says, then succeeds; `done` is what took effect, in order. */
function ending(
  failures: Partial<Record<Step, number>>,
  { capacity = 'capacity-1', taken = 'no' }: { capacity?: string | null; taken?: 'no' | 'yes' | 'not said' } = {},
) {
  const clock = new FakeClock();
  const done: Step[] = [];
  const renewedDuring: Step[] = [];
  let renewing = false;
  const look = () => {
    if (taken === 'not said') throw new StoreError('denied', 'refused by the test');
    return { owner: 'i-2', generation: 2 };
  };
  const left = new Map<Step, number>(Object.entries(failures) as [Step, number][]);
  const act = async (step: Step): Promise<void> => {
    const failing = left.get(step) ?? 0;
    left.set(step, failing - 1);
    if (renewing && !renewedDuring.includes(step)) renewedDuring.push(step);
    if (failing > 0) throw new Error(`${step} failed`);
    done.push(step);
  };
  const run = (given: LaunchOutcome | null = outcome): Promise<PowerEnd> =>
    clock.runUntil(
      endLaunch(given, {
        documents: {
          endLaunch: (written) => act('outcome').then(() => written),
        },
        leaseLook: {
          heldLast: async () => 1,
          otherHolder: async () => look(),
        },
        successors: { doing: 'ending', trouble: 'not ended', end: () => act('successors') },
        capacity: async () => capacity,
        lease: {
          mayPublish: () => (taken === 'no' ? { generation: 1 } : null),
          view: () => ({ state: 'doubtful', generation: 1, renewedAgoMs: null }),
          release: () => act('lease'),
          run: async (signal) => {
            renewing = true;
            await clock.sleep(Number.MAX_SAFE_INTEGER, signal).catch(() => {});
            renewing = false;
          },
        },
        power: {
          doing: 'powering off',
          off: () => act('power').then(() => 'off'),
          cancelPlanned: async () => {},
          isGoingDown: async () => null,
        },
        clock,
        log: silentLog,
        doing: () => {},
        signal: new AbortController().signal,
      }),
      { stepMs: 1000 },
    );
  return { done, renewedDuring, run };
}

test('outcome, successors, lease, power: each after the one before it has succeeded, whatever fails in between', async () => {
  const count = fc.integer({ min: 0, max: 4 });
  await fc.assert(
    fc.asyncProperty(fc.record({ outcome: count, successors: count, lease: count, power: count }), async (failures) => {
      const world = ending(failures);
      await world.run();
      expect(world.done).toEqual(['outcome', 'successors', 'lease', 'power']);
    }),
    { numRuns: 50 },
  );
});

test('the lease is renewed until everything that the others must find is written, and not beyond', async () => {
  const world = ending({ outcome: 5, successors: 5, lease: 2 });
  await world.run();
  expect(world.renewedDuring).toEqual(['outcome', 'successors']);
});

test('a machine that nothing follows powers off without ending anything, and a successor writes no outcome of its own', async () => {
  const alone = ending({}, { capacity: null });
  await alone.run();
  expect(alone.done).toEqual(['outcome', 'lease', 'power']);
  const successor = ending({});
  await successor.run(null);
  expect(successor.done).toEqual(['successors', 'lease', 'power']);
});

test('a lease that cannot be released does not keep a machine on: it runs out by itself', async () => {
  const world = ending({ lease: 1000 });
  await world.run();
  expect(world.done).toEqual(['outcome', 'successors', 'power']);
});

test('where another machine has taken the run, this one ends nothing but itself', async () => {
  const world = ending({ power: 2 }, { taken: 'yes' });
  expect(await world.run()).toBe('off');
  expect(world.done).toEqual(['power']);
  const successor = ending({}, { taken: 'yes' });
  await successor.run(null);
  expect(successor.done).toEqual(['successors', 'lease', 'power']);
});

test('where the bucket refuses to say who has the lease that was held here, this machine ends nothing but itself', async () => {
  const world = ending({ power: 2 }, { taken: 'not said' });
  expect(await world.run()).toBe('off');
  expect(world.done).toEqual(['power']);
});
