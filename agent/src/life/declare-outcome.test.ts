import type { LaunchOutcome } from '@runctl/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { declareOutcome, mayBeElsewhere } from './declare-outcome.ts';

const outcome = { status: 'failed' } as LaunchOutcome;
const generation = fc.option(fc.integer({ min: 1, max: 4 }));
const never = new AbortController().signal;

interface Machine {
  /** By its keeper; undefined where it has none. */
  readonly own: number | null | undefined;
  readonly holds: boolean;
  readonly remembered: number | null;
}

function lookOf({ own, holds, remembered }: Machine, other: (own: number | null) => { owner: string } | null) {
  const keeper = {
    mayPublish: () => (holds && own !== undefined && own !== null ? { generation: own } : null),
    view: () => ({ state: 'any', generation: own ?? null, renewedAgoMs: null }),
  };
  return {
    lease: own === undefined ? null : keeper,
    leaseLook: {
      heldLast: async () => remembered,
      otherHolder: async (held: number | null) => {
        const found = other(held);
        return found === null ? null : { ...found, generation: 9 };
      },
    },
  };
}

const machine = fc.record({
  own: fc.option(generation, { nil: undefined }),
  holds: fc.boolean(),
  remembered: generation,
});

test('no outcome is written by an agent which does not hold the lease that another one has', async () => {
  await fc.assert(
    fc.asyncProperty(machine, fc.boolean(), async (here, isTaken) => {
      let written = 0;
      const asked: (number | null)[] = [];
      const look = lookOf(here, (held) => {
        asked.push(held);
        return isTaken ? { owner: 'i-2' } : null;
      });
      const endLaunch = async (given: LaunchOutcome) => {
        written++;
        return given;
      };
      const declared = await declareOutcome({ ...look, documents: { endLaunch } }, outcome, never);
      const isHolder = here.holds && (here.own ?? null) !== null;
      const isLeft = isTaken && !isHolder;
      expect({ written, declared }).toEqual(
        isLeft ? { written: 0, declared: null } : { written: 1, declared: outcome },
      );
      // Whoever holds it need not ask. Of a restarted agent the disk tells what it held.
      expect(asked).toEqual(isHolder ? [] : [here.own ?? here.remembered]);
    }),
  );
});

test('where the bucket refuses the look, only a machine that never held the lease, or holds it, speaks for the launch', async () => {
  await fc.assert(
    fc.asyncProperty(machine, async (here) => {
      const look = lookOf(here, () => {
        throw new Error('denied');
      });
      const isHolder = here.holds && (here.own ?? null) !== null;
      const isLeft = !isHolder && (here.own ?? here.remembered) !== null;
      expect(await mayBeElsewhere(look, never)).toBe(isLeft);
    }),
  );
});
