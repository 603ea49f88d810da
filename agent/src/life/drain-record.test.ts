import { runKeys } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { drainReportOf } from './drain-record.ts';

const TERM_MS = Date.parse('2026-11-22T05:00:00.000Z');
const times = {
  cause: 'spot-notice',
  seenMs: TERM_MS - 40,
  termMs: TERM_MS,
  windowMs: 120_000,
  stepAtStop: 40,
} as const;

const reportWith = (manifest: { readonly generation: number; readonly savedAt: string }) =>
  drainReportOf(times, {
    generation: 2,
    exitMs: TERM_MS + 900,
    killed: false,
    writes: { firstMs: null, lastMs: null },
    flushMs: 100,
    lastPass: null,
    durable: {
      manifest: runKeys('r-aaaaaaaaaa').manifest({ generation: manifest.generation, seq: 1 }),
      step: 40,
      savedAt: manifest.savedAt,
      at: manifest.savedAt,
    },
  });

test('a checkpoint of this life that was saved after SIGTERM is new', () => {
  expect(reportWith({ generation: 2, savedAt: '2026-11-22T05:00:01.000Z' }).newCheckpoint).toBe(true);
  expect(reportWith({ generation: 2, savedAt: '2026-11-22T04:59:59.000Z' }).newCheckpoint).toBe(false);
});

test('a checkpoint of the life before is not new, though the clock of its machine was an hour ahead', () => {
  expect(reportWith({ generation: 1, savedAt: '2026-11-22T05:50:00.000Z' }).newCheckpoint).toBe(false);
});
