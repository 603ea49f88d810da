import { silentLog } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { AttemptWorkload, type AttemptWorkloadParts } from './attempt-workload.ts';

const hung = [{ pid: 7, command: 'python3 train.py', state: 'D' }];
const ended = { code: 0, signal: null, leftovers: 1, outlived: [], unkillable: hung, saversEndedAtMs: null };

test.each<[string, (workload: AttemptWorkload) => unknown]>([
  ['of a script that has ended', (workload) => workload.exited(new AbortController().signal)],
  ['of a script that was killed in vain', (workload) => workload.nameSurvivors()],
])('a process that nothing ends is named with its state: %s', async (_what, end) => {
  const warnings: string[] = [];
  const parts = {
    supervisor: {
      exited: async () => ({ ...ended, othersWentOn: false, endedAtMs: 0, clockWasSet: false }),
      survivors: () => hung,
    },
    journal: { state: { attempt: null } },
    life: { warn: (text: string) => warnings.push(text) },
    progress: { read: async () => ({ step: null }) },
    drain: { notes: null },
    clock: new FakeClock(),
    log: silentLog,
  };
  // An end reads no more than this of each.
  await end(new AttemptWorkload(parts as unknown as AttemptWorkloadParts, () => {}));
  expect(warnings).toEqual([
    expect.stringMatching(
      /^process 7 \(python3 train\.py\) does not end, .*\(state D: .*kernel.*\): .*runs beside it$/,
    ),
  ]);
});
