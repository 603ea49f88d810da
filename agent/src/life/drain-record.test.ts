import type { PassReport } from '@runctl/checkpoint';
import { runKeys } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { drainReportOf } from './drain-record.ts';
import { passReport } from '../testing/pass-report.ts';

const TERM_MS = Date.UTC(2026, 0, 1);
const times = { cause: 'spot-notice', seenMs: TERM_MS, termMs: TERM_MS, windowMs: 120_000, stepAtStop: 7 } as const;
const report = (lastPass: PassReport | null, savedAtMs: number | null = null, unlooked = false) =>
  drainReportOf(times, {
    generation: 1,
    exitMs: null,
    killed: false,
    writes: { firstMs: null, lastMs: null },
    flushMs: null,
    lastPass,
    unlooked,
    durable:
      savedAtMs === null
        ? null
        : {
            manifest: runKeys('r-aaaaaaaaaa').manifest({ generation: 1, seq: 1 }),
            step: 7,
            savedAt: new Date(savedAtMs).toISOString(),
            at: 'later',
          },
  });

test('that none appeared is told from one that missed the deadline, and from not knowing', () => {
  expect(report(passReport({}))).toMatchObject({ newCheckpoint: false, notDurable: [] });
  const missed = ['checkpoint-7 (step 7): the deadline has come'];
  expect(report(passReport({ notDurable: missed, error: new Error('late') }))).toMatchObject({ notDurable: missed });
  const cut = report(passReport({ error: new Error('the deadline has come') }));
  expect(cut.notDurable).toMatchObject([expect.stringMatching(/cut short \(the deadline has come\)/)]);
  expect(report(null).notDurable).toHaveLength(1);
});

test('a look that was cut short after the last checkpoint had become durable is no loss', () => {
  const error = new Error('the deadline has come');
  expect(report(passReport({ error }), TERM_MS + 5)).toMatchObject({ newCheckpoint: true, notDurable: [] });
});

const reportWith = (manifest: { readonly generation: number; readonly savedAt: string }) =>
  drainReportOf(times, {
    generation: 2,
    exitMs: TERM_MS + 900,
    killed: false,
    writes: { firstMs: null, lastMs: null },
    flushMs: 100,
    lastPass: null,
    unlooked: false,
    durable: {
      manifest: runKeys('r-aaaaaaaaaa').manifest({ generation: manifest.generation, seq: 1 }),
      step: 40,
      savedAt: manifest.savedAt,
      at: manifest.savedAt,
    },
  });

test('a checkpoint of this life that was saved after SIGTERM is new', () => {
  expect(reportWith({ generation: 2, savedAt: '2026-01-01T00:00:01.000Z' }).newCheckpoint).toBe(true);
  expect(reportWith({ generation: 2, savedAt: '2025-12-31T23:59:59.000Z' }).newCheckpoint).toBe(false);
});

test('a checkpoint of the life before is not new, though the clock of its machine was an hour ahead', () => {
  expect(reportWith({ generation: 1, savedAt: '2026-01-01T00:50:00.000Z' }).newCheckpoint).toBe(false);
});

test('a deadline that cut the last look short leaves nothing unsaid', () => {
  const { notDurable } = report(passReport({ notDurable: ['step 5: the deadline has come'] }), null, true);
  expect(notDurable).toHaveLength(2);
  expect(notDurable.join()).toContain('before it could be looked at');
});
