import { timestampOf } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { renderRuns } from './status.ts';

test('a run of a cloud whose second has not come here yet is as old as nothing', () => {
  const nowMs = 1_800_000_000_000;
  const run = {
    run: 'r-abcdefghij',
    name: null,
    workload: 'train.py',
    createdAt: timestampOf(nowMs + 300),
    state: { kind: 'launching' },
    step: null,
    durableStep: null,
    machineType: null,
    location: null,
    market: null,
    pricePerHourUsd: null,
    spentUsd: null,
    interruptions: null,
    heartbeatAgeMs: null,
    waitingMs: 0,
    stranded: false,
    unheard: null,
  } as const;
  expect(renderRuns([run], { nowMs, colour: false, location: 's3://bucket', write: () => '' })).toMatch(
    / {2}0 ms +-\n/,
  );
});
