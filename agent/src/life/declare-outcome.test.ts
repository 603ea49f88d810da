import type { LaunchOutcome } from '@runctl/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { declareOutcome } from './declare-outcome.ts';

const outcome = { status: 'failed' } as LaunchOutcome;
const generation = fc.integer({ min: 1, max: 4 });

test('no outcome is written by an agent whose lease another one has taken, as far as its own lease or the document tell', async () => {
  const world = fc.record({
    own: fc.option(generation),
    holds: fc.boolean(),
    inBucket: fc.option(generation),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ own, holds, inBucket }) => {
      let written = 0;
      const declared = await declareOutcome(
        {
          documents: {
            leaseGeneration: async () => inBucket,
            endLaunch: async (given) => {
              written++;
              return given;
            },
          },
          lease: {
            mayPublish: () => (holds && own !== null ? { generation: own } : null),
            view: () => ({ state: 'any', generation: own, renewedAgoMs: null }),
          },
        },
        outcome,
        new AbortController().signal,
      );
      const isTaken = own !== null && !holds && inBucket !== null && inBucket > own;
      expect({ written, declared }).toEqual(
        isTaken ? { written: 0, declared: null } : { written: 1, declared: outcome },
      );
    }),
  );
});
