import { silentLog } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { AttemptWorkload, type AttemptWorkloadParts } from './attempt-workload.ts';

const hung = [{ pid: 7, command: 'python3 train.py', state: 'D' }];
const ended = { code: 0, signal: null, leftovers: 1, outlived: [], unkillable: hung, saversEndedAtMs: null };

const DISK = 'state D: it waits in the kernel for a disk or a device, and does nothing else';

test.each<[string, (workload: AttemptWorkload, clock: FakeClock) => Promise<unknown>, string]>([
  [
    'of a script that has ended',
    (workload) => workload.exited(new AbortController().signal),
    `does not end, though it was killed (${DISK}): whatever is started here runs beside it`,
  ],
  [
    'of a script that was killed a moment ago',
    async (workload, clock) => {
      await workload.signal('SIGKILL');
      await clock.advance(5000);
      workload.nameSurvivors();
    },
    `had not ended 5 s after it was killed (${DISK})`,
  ],
])('a process that lives on is named with its state: %s', async (_what, end, text) => {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const parts = {
    supervisor: {
      exited: async () => ({ ...ended, othersWentOn: false, endedAtMs: 0, clockWasSet: false }),
      survivors: () => hung,
    },
    journal: { state: { attempt: null } },
    life: { warn: (text: string) => warnings.push(text), workload: { ended: () => {} } },
    progress: { read: async () => ({ step: null }) },
    drain: { notes: null, signal: async () => {} },
    clock,
    log: silentLog,
  };
  // An end reads no more than this of each.
  await end(new AttemptWorkload(parts as unknown as AttemptWorkloadParts, () => {}), clock);
  expect(warnings).toEqual([`process 7 (python3 train.py) ${text}`]);
});
