import type { DrillReportEvent } from '@runctl/protocol/events';
import { expect, test } from 'vitest';
import { drillVerdict } from './drill.ts';

const REPORT: DrillReportEvent = {
  type: 'drill-report',
  run: 'r-1',
  level: 'process',
  outcome: 'succeeded',
  finalStep: 9,
  identicalToUninterrupted: null,
  interruptions: [],
  noticeFit: { saveMs: null, sizeBytes: null, usableMs: 110_000, neededBytesPerSecond: null, summary: 'save unknown' },
  verdict: 'inconclusive',
  reasons: ['only 1 of 2 interruptions took place', 'the script ended first'],
  framework: null,
  advice: ['give the script more work'],
};
const text = (change: Partial<DrillReportEvent>): string => drillVerdict({ ...REPORT, ...change }, false);

test('an inconclusive drill says in its first line what was not seen', () => {
  expect(text({})).toBe(
    [
      'INCONCLUSIVE: only 1 of 2 interruptions took place',
      '  - the script ended first',
      '  what to change:',
      '  - give the script more work',
      '',
    ].join('\n'),
  );
});

test('an unsafe drill lists every reason, and then what to change', () => {
  expect(text({ verdict: 'unsafe', advice: [] })).toBe(
    [
      'UNSAFE: a real interruption would have cost work',
      '  - only 1 of 2 interruptions took place',
      '  - the script ended first',
      '',
    ].join('\n'),
  );
});

test('a drill names the interruptions at which nothing caught SIGTERM, whatever they cost', () => {
  const interruption = (kind: 'notice' | 'no-notice', caughtTerm: boolean | null, newCheckpoint = false) => ({
    kind,
    stepAtInterruption: 9,
    durableStep: 9,
    lostSteps: 0,
    noticeToSigtermMs: 1,
    caughtTerm,
    sigtermToExitMs: 1,
    flushMs: 1,
    newCheckpoint,
    downtimeMs: 1,
    resumedStep: 9,
  });
  const drilled = (...caught: readonly (boolean | null)[]) =>
    text({
      verdict: 'safe',
      reasons: [],
      advice: [],
      interruptions: caught.map((each) => interruption('notice', each)),
    });
  const lost = 'an interruption loses everything since the last save';
  expect(drilled(true, false)).toContain(`  nothing caught SIGTERM at interruption 2: ${lost}\n`);
  expect(drilled(false, null, false)).toContain(`  nothing caught SIGTERM at interruptions 1, 3: ${lost}\n`);
  expect(drilled(true, null)).not.toContain('nothing caught');
  const polls = interruption('notice', false, true);
  expect(text({ verdict: 'safe', reasons: [], advice: [], interruptions: [polls] })).not.toContain('nothing caught');
});

test('a drill without interruptions calls nothing safe', () => {
  expect(text({ verdict: 'safe', reasons: [], advice: [] })).toMatch(/^FINISHED: .*says nothing of interruptions\n$/);
});
