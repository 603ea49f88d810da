import type { PassReport } from '@runctl/checkpoint';
import { expect, test } from 'vitest';
import { drainReportOf } from './drain-record.ts';

const TERM_MS = Date.UTC(2026, 0, 1);
const times = { cause: 'spot-notice', seenMs: TERM_MS, termMs: TERM_MS, windowMs: 120_000, stepAtStop: 7 } as const;
const pass = (report: Partial<PassReport>): PassReport => ({
  published: null,
  durable: null,
  candidates: [],
  notDurable: [],
  refused: null,
  unsettled: false,
  error: null,
  ...report,
});
const report = (lastPass: PassReport | null, savedAtMs: number | null = null) =>
  drainReportOf(times, {
    exitMs: null,
    killed: false,
    writes: { firstMs: null, lastMs: null },
    flushMs: null,
    lastPass,
    durable:
      savedAtMs === null ? null : { manifest: 'm', step: 7, savedAt: new Date(savedAtMs).toISOString(), at: 'later' },
  });

test('that none appeared is told from one that missed the deadline, and from not knowing', () => {
  expect(report(pass({}))).toMatchObject({ newCheckpoint: false, notDurable: [] });
  const missed = ['checkpoint-7 (step 7): the deadline has come'];
  expect(report(pass({ notDurable: missed, error: new Error('late') }))).toMatchObject({ notDurable: missed });
  const cut = report(pass({ error: new Error('the deadline has come') }));
  expect(cut.notDurable).toMatchObject([expect.stringMatching(/cut short \(the deadline has come\)/)]);
  expect(report(null).notDurable).toHaveLength(1);
});

test('a look that was cut short after the last checkpoint had become durable is no loss', () => {
  const error = new Error('the deadline has come');
  expect(report(pass({ error }), TERM_MS + 5)).toMatchObject({ newCheckpoint: true, notDurable: [] });
});
