import { execFileSync } from 'node:child_process';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PassReport } from '@runctl/checkpoint';
import { runKeys } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { drainReportOf, writesSince } from './drain-record.ts';
import { passReport } from '../testing/pass-report.ts';

const TERM_MS = Date.UTC(2026, 0, 1);
const times = {
  cause: 'notice',
  seenMs: TERM_MS,
  termMs: TERM_MS,
  windowMs: 120_000,
  stepAtStop: 7,
  caughtTerm: true,
} as const;
const report = (lastPass: PassReport | null, savedAtMs: number | null = null, isCutShort = false) =>
  drainReportOf(times, {
    generation: 1,
    exitMs: null,
    killed: false,
    writes: { firstMs: null, lastMs: null },
    flushMs: null,
    lastPass,
    isCutShort,
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
    isCutShort: false,
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

/** Folders so deep that the last of them can't be listed by its path, not even by root; what comes back takes them away. */
function folderThatNobodyCanList(at: string): Disposable {
  const deeper = "for (let n = 0; n < 18; n++) { fs.mkdirSync('d'.repeat(250)); process.chdir('d'.repeat(250)); }";
  execFileSync(process.execPath, ['-e', deeper], { cwd: at });
  return { [Symbol.dispose]: () => void execFileSync('rm', ['-rf', join(at, 'd'.repeat(250))]) };
}

test('one folder that can not be looked into does not hide what was written in the others', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'a'));
  await mkdir(join(folder.path, 'z'));
  using _ = folderThatNobodyCanList(folder.path);
  const writes = { 'a/old.pt': TERM_MS - 5000, 'a/first.pt': TERM_MS + 1000, 'z/last.pt': TERM_MS + 4000 };
  for (const [path, atMs] of Object.entries(writes)) {
    await writeFile(join(folder.path, path), 'x');
    await utimes(join(folder.path, path), atMs / 1000, atMs / 1000);
  }
  expect(await writesSince(folder.path, TERM_MS)).toEqual({ firstMs: TERM_MS + 1000, lastMs: TERM_MS + 4000 });
  expect(await writesSince(join(folder.path, 'missing'), TERM_MS)).toEqual({ firstMs: null, lastMs: null });
});
