import { silentLog } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { declareDone } from './declare-done.ts';

test.each([
  ['is declared a success at once', { node: 0, output: null }, ['succeeded']],
  ['waits for its end where an output folder is kept too', { node: 0, output: {} }, []],
  ['leaves that to the first of several machines', { node: 1, output: null }, []],
])('a script that is done %s', async (_, where, declared) => {
  const written: string[] = [];
  const isDeclared = await declareDone(
    {
      ...where,
      documents: {
        endLaunch: async (outcome) => {
          written.push(outcome.status);
          return outcome;
        },
      },
      outcomeOf: async (ending) => ending as LaunchOutcome,
      lease: null,
      leaseLook: { heldLast: async () => null, otherHolder: async () => null },
      isKept: () => true,
      unproven: null,
      successors: { end: async () => {}, trouble: 'not ended' },
      capacity: async () => null,
      clock: new FakeClock(),
      log: silentLog,
    },
    new AbortController().signal,
  );
  expect(written).toEqual(declared);
  expect(isDeclared).toBe(declared.length > 0);
});
