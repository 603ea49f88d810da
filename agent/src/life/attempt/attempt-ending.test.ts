import type { PassedOver } from '@runctl/checkpoint';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { Ending } from '../../lifecycle/model.ts';
import type { AttemptVerdict } from '../../recovery/verdict.ts';
import { AttemptEnding, type AttemptEndingParts } from './attempt-ending.ts';
import type { LifeNews } from '../../reporting/life-events.ts';
import { passReport } from '../../testing/pass-report.ts';
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

const CUT_OFF = { path: 'step-12.bin', why: 'was written when the script was killed', cutOff: true } as const;
const LINK = { path: 'link', why: 'leads outside' };

/** What follows a crash of a workload, how often the bucket was asked for a success, and which events were noted. */
async function afterCrash({
  isAdopted,
  hasSucceeded,
  how = crashed,
  passedOver = [LINK, CUT_OFF],
}: {
  readonly how?: Ending;
  readonly passedOver?: readonly PassedOver[];
  readonly isAdopted: boolean;
  readonly hasSucceeded: boolean;
}) {
  let asked = 0;
  const noted: string[] = [];
  const parts = {
    workload: { isAdopted, exitMs: 0, markerUntilMs: null, ranMs: () => 0 },
    isDecided: () => false,
    hasSucceeded: async () => {
      asked++;
      return hasSucceeded;
    },
    drain: { notes: null },
    flush: {
      isCutShort: async () => false,
      lastPass: passReport({ passedOver }),
      unsavedOutput: null,
      tookMs: 0,
      shippedBytes: () => 0,
    },
    events: { append: async ({ kind, message }: LifeNews) => void noted.push(`${kind}: ${message}`) },
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
  await ending.report(how, 'complete', new AbortController().signal);
  return { next: ending.verdictOn(how).next, asked, noted };
}

test.each([
  ['this agent has started', { isAdopted: false, hasSucceeded: true }, { next: 'restart', asked: 0 }],
  ['an earlier agent has started', { isAdopted: true, hasSucceeded: false }, { next: 'restart', asked: 1 }],
  ['an earlier agent saw done', { isAdopted: true, hasSucceeded: true }, { next: 'end-launch', asked: 1 }],
])('a crash of a workload that %s waits for the bucket only where it may tell more', async (_what, facts, expected) => {
  expect(await afterCrash(facts)).toMatchObject(expected);
});

test('what the end may have cut off is an event, once, and not after a start that failed', async () => {
  const facts = { isAdopted: false, hasSucceeded: false };
  expect((await afterCrash(facts)).noted).toEqual(['not-kept: step-12.bin was written when the script was killed']);
  const failed: Ending = { ...crashed, cause: 'spawn-failed', exit: null, started: false };
  expect((await afterCrash({ ...facts, how: failed })).noted).toEqual([]);
});

test.each([
  [1, 1, null],
  [4, 4, null],
  [5, 3, '2 more'],
  [2000, 3, '1997 more'],
])('of %d files that the end may have cut off, %d are events of their own', async (count, own, more) => {
  const passedOver = Array.from({ length: count }, (_, index) => ({ ...CUT_OFF, path: `sample-${index}.bin` }));
  const { noted } = await afterCrash({ isAdopted: false, hasSucceeded: false, passedOver: [LINK, ...passedOver] });
  expect(noted.slice(0, own)).toEqual(passedOver.slice(0, own).map(({ path, why }) => `not-kept: ${path} ${why}`));
  expect(noted.slice(own)).toEqual(more === null ? [] : [expect.stringMatching(`^not-kept: ${more} `)]);
});
