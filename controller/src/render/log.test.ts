import { FORMAT_VERSION, type LeftBehind } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { logBanner } from './log.ts';

function banner(leftBehind?: LeftBehind): string {
  const resumedFrom = { manifest: 'm', step: 400, warnings: [], ...(leftBehind === undefined ? {} : { leftBehind }) };
  const started = {
    version: FORMAT_VERSION,
    generation: 2,
    node: 0,
    launch: 1,
    machineId: 'i-2',
    at: '2026-01-01T00:00:00.000Z',
    machineType: 'g5.xlarge',
    location: 'us-east-1b',
    market: 'spot',
    pricePerHourUsd: null,
    resumedFrom,
    agentVersion: '1',
    interpreter: null,
    stagesMs: {},
  } as const;
  return logBanner({ attempt: 2, started, resumeIgnored: null });
}

test('the header of a life says where it resumes', () => {
  expect(banner()).toBe('── attempt 2 · i-2 · g5.xlarge us-east-1b spot · resumes from step 400 ──');
});

test('and what the life before had on the disk and this one has not', () => {
  const names = ['step_300.pt', 'step_200.pt'];
  expect(banner({ names, count: 2 })).toContain('· resumes from step 400, without step_300.pt, step_200.pt ──');
  expect(banner({ names, count: 9 })).toContain('without step_300.pt, step_200.pt and 7 more ──');
  expect(banner({ names: [], count: 2 })).toContain('resumes from step 400, without 2 others ──');
  expect(banner({ names: [], count: 1 })).toContain('without 1 other ──');
});

test('names are shown so that they do nothing to a terminal', () => {
  expect(banner({ names: ['a\u001b[2J'], count: 1 })).not.toContain('\u001b');
});
