import { silentLog } from '@runctl/core';
import type { AttemptOutcome } from '@runctl/protocol';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { type AttemptReport, reportAttempt } from './report-attempt.ts';

/** Reports an attempt of which `events` does what the test says; resolves with what was written. */
async function written(verdict: 'restart' | 'end-launch', events: (signal: AbortSignal) => Promise<void>) {
  const clock = new FakeClock();
  const done: string[] = [];
  const deadline = new AbortController();
  const parts = {
    documents: {
      putDrained: async () => void done.push('drained'),
      putOutcome: async () => void done.push('outcome'),
    },
    drainedOf: async () => null,
    outcomeOf: async () => ({}) as AttemptOutcome,
    events: { pass: events },
    life: { warn: () => {} },
    clock,
    log: silentLog,
  };
  // A report that drains nothing reads no more than this.
  const report = { ending: { cause: 'exited' }, verdict: { next: verdict } } as AttemptReport;
  const reporting = reportAttempt(parts, report, deadline.signal).then(
    () => done.push('reported'),
    () => done.push('cut off'),
  );
  await clock.advance(1000);
  deadline.abort(new Error('the deadline'));
  await reporting;
  return done;
}

const unanswered = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

test('the outcome is written though the events before it are slow or refused', async () => {
  expect(await written('end-launch', unanswered)).toEqual(['outcome', 'cut off']);
  const refused = await written('end-launch', () => Promise.reject(new Error('denied')));
  expect(refused).toContain('outcome');
  expect(refused.at(-1)).toBe('cut off');
});

test('an attempt is reported once its events are written too, and a restart waits for none', async () => {
  expect(await written('end-launch', async () => {})).toEqual(['outcome', 'reported']);
  expect(await written('restart', unanswered)).toEqual(['reported']);
});
