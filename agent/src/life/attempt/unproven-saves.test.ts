import type { CandidateReport, UnprovenFiles, OutputReport } from '@runctl/checkpoint';
import { silentLog } from '@runctl/core';
import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { UnprovenSaves, type UnprovenSavesParts } from './unproven-saves.ts';

const torn: CandidateReport = { entry: '.', step: 20, complete: false, why: 'cut off', files: ['step-20.pt'] };
const whole: CandidateReport = { entry: 'step-10.pt', step: 10, complete: true, why: 'whole' };
const keptReport: OutputReport = { kept: { files: 1, sizeBytes: 7 }, sentFiles: 1, waiting: [], unkept: [] };
const changed = { ...keptReport, waiting: [{ path: 'step-20.pt', why: 'changed while it was sent' }] };

type Keeping = () => Promise<OutputReport>;
const refused: Keeping = () => Promise.reject(new StoreError('denied', 'AccessDenied'));

/** A keeper and what was asked of it; with what is said. */
function keeping(does: Keeping | null) {
  const clock = new FakeClock();
  const asked: UnprovenFiles['entries'][] = [];
  const warnings: string[] = [];
  const life = { warn: (text: string) => void warnings.push(text) };
  const keepUnproven = ({ entries }: UnprovenFiles): Promise<OutputReport> => {
    asked.push(entries);
    return does?.() ?? expect.fail('there is none');
  };
  const keeper = does === null ? null : { keepUnproven };
  const folders = { checkpoint: '/ckpt' };
  const parts: UnprovenSavesParts = { keeper, folders, life, timing: { refusedMs: 300_000 }, clock, log: silentLog };
  const unproven = new UnprovenSaves(parts);
  const { signal } = new AbortController();
  return {
    asked,
    warnings,
    announced: (candidates: readonly CandidateReport[]) => {
      unproven.announce(candidates);
      return unproven.text;
    },
    kept: async (candidates: readonly CandidateReport[]) => {
      await clock.runUntil(unproven.keep(candidates, signal), { stepMs: 1000 });
      expect(warnings).toEqual(unproven.text === null ? [] : [unproven.text]);
      return unproven.text;
    },
  };
}

test('says nothing where all is whole, and asks for nothing', async () => {
  const { announced, asked, kept } = keeping(async () => keptReport);
  expect(announced([whole])).toBeNull();
  expect(await kept([whole])).toBeNull();
  expect(asked).toEqual([]);
});

test.each<[string, Keeping | null, string]>([
  ['is kept', async () => keptReport, 'part of no whole checkpoint, kept as output: . (cut off)'],
  ['changes at the end', async () => changed, 'not kept (step-20.pt changed while it was sent): '],
  ['is refused for good', refused, 'not kept (AccessDenied): . (cut off)'],
  ['has no keeper here', null, 'not kept (of several machines the first alone keeps output): '],
])('says what becomes of a save that %s', async (_what, does, text) => {
  const { asked, kept } = keeping(does);
  expect(await kept([torn, whole])).toContain(text);
  expect(asked[0] ?? null).toEqual(does === null ? null : ['step-20.pt']);
});

test.each<[Keeping | null, string]>([
  [async () => keptReport, 'part of no whole checkpoint, to be kept as output: . (cut off)'],
  [null, 'part of no whole checkpoint, not kept (of several machines the first alone keeps output): . (cut off)'],
])('sends nothing before the script has ended, and says what will become of it', (does, text) => {
  const { announced, asked, warnings } = keeping(does);
  expect(announced([torn, whole])).toBe(text);
  expect({ asked, warnings }).toEqual({ asked: [], warnings: [] });
});

test('names three, and counts the others', async () => {
  const many = [1, 2, 3, 4, 5].map((step) => ({ ...torn, entry: `${step}.pt` }));
  const text = await keeping(async () => keptReport).kept(many);
  expect(text).toMatch(/1\.pt .*2\.pt .*3\.pt \(cut off\) and 2 more$/);
});
