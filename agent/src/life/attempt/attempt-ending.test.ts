import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { Ending } from '../../lifecycle/model.ts';
import type { AttemptVerdict } from '../../recovery/verdict.ts';
import { AttemptEnding, type AttemptEndingParts } from './attempt-ending.ts';
import type { EndedAttempt } from './attempt-verdict.ts';

const crashed: Ending = {
  cause: 'exited',
  exit: { code: 1, signal: null },
  started: true,
  killed: false,
  message: null,
};
const again: AttemptVerdict = { next: 'restart', afterMs: 0, message: 'crash 1 of 3' };
const succeeded: AttemptVerdict = {
  next: 'end-launch',
  attempt: 'succeeded',
  launch: 'succeeded',
  cause: 'exited',
  message: 'the workload finished',
};

/** What follows a crash of a workload, and how often the bucket was asked for a success. */
async function afterCrash({
  isAdopted,
  hasSucceeded,
}: {
  readonly isAdopted: boolean;
  readonly hasSucceeded: boolean;
}) {
  let asked = 0;
  const parts = {
    workload: { isAdopted, exitMs: 0, markerUntilMs: null, ranMs: () => 0 },
    isDecided: () => false,
    hasSucceeded: async () => {
      asked++;
      return hasSucceeded;
    },
    drain: { notes: null },
    flush: { isCutShort: async () => false, lastPass: null, unsavedOutput: null, tookMs: 0, shippedBytes: () => 0 },
    elsewhere: { stop: () => {} },
    unproven: { text: null },
    journal: { state: { attempt: null } },
    judge: {
      verdictOn: ({ decided }: EndedAttempt) => (decided ? succeeded : again),
      report: async () => {},
    },
    life: { warn: () => {} },
    clock: new FakeClock(),
    facts: { failureReason: async () => null, hiddenFailure: async () => null },
  };
  // A report reads no more than this of each.
  const ending = new AttemptEnding(parts as unknown as AttemptEndingParts);
  await ending.report(crashed, 'complete', new AbortController().signal);
  return { next: ending.verdictOn(crashed).next, asked };
}

test.each([
  ['this agent has started', { isAdopted: false, hasSucceeded: true }, { next: 'restart', asked: 0 }],
  ['an earlier agent has started', { isAdopted: true, hasSucceeded: false }, { next: 'restart', asked: 1 }],
  ['an earlier agent saw done', { isAdopted: true, hasSucceeded: true }, { next: 'end-launch', asked: 1 }],
])('a crash of a workload that %s waits for the bucket only where it may tell more', async (_what, facts, expected) => {
  expect(await afterCrash(facts)).toEqual(expected);
});
