import type { CandidateReport, UnprovenFiles, OutputReport } from '@runctl/checkpoint';
import { silentLog } from '@runctl/core';
import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { UnprovenSaves, type UnprovenSavesParts } from './unproven-saves.ts';

const torn: CandidateReport = { entry: '.', step: 20, complete: false, why: 'cut off', files: ['step-20.pt'] };
const whole: CandidateReport = { entry: 'step-10.pt', step: 10, complete: true, why: 'whole' };
const kept: OutputReport = { kept: { files: 1, sizeBytes: 7 }, sentFiles: 1, waiting: [], unkept: [] };
const changed = { ...kept, waiting: [{ path: 'step-20.pt', why: 'changed while it was sent' }] };

type Keeping = () => Promise<OutputReport>;
const refused: Keeping = () => Promise.reject(new StoreError('denied', 'AccessDenied'));

/** What is said of these candidates, and what was asked of the keeper. */
async function saying(keeping: Keeping | null, candidates: readonly CandidateReport[], hasEnded = true) {
  const clock = new FakeClock();
  const asked: UnprovenFiles['entries'][] = [];
  const life = { output: null, warnings: [] as string[], warn: (text: string) => void life.warnings.push(text) };
  const keepUnproven = ({ entries }: UnprovenFiles): Promise<OutputReport> => {
    asked.push(entries);
    return keeping === null ? expect.fail('there is none') : keeping();
  };
  const keeper = keeping === null ? null : { keepUnproven };
  const folders = { checkpoint: '/ckpt' };
  const parts: UnprovenSavesParts = { keeper, folders, life, timing: { refusedMs: 300_000 }, clock, log: silentLog };
  const unproven = new UnprovenSaves(parts);
  const { signal } = new AbortController();
  await clock.runUntil(unproven.keep(candidates, { hasEnded, signal }), { stepMs: 1000 });
  expect(life.warnings).toEqual(unproven.text === null ? [] : [unproven.text]);
  return { text: unproven.text, asked: asked[0] ?? null };
}

test('says nothing where all is whole, and asks for nothing', async () => {
  expect(await saying(async () => kept, [whole])).toEqual({ text: null, asked: null });
});

test.each<[string, Keeping | null, boolean, string]>([
  ['is kept', async () => kept, true, 'no whole checkpoint, kept as output: . (cut off)'],
  ['changes while the script runs', async () => changed, false, 'no whole checkpoint, to be kept as output: '],
  ['changes at the end', async () => changed, true, 'not kept (step-20.pt changed while it was sent): '],
  ['is refused for good', refused, true, 'not kept (AccessDenied): . (cut off)'],
  ['has no keeper here', null, false, 'not kept (of several machines the first alone keeps output): '],
])('says what becomes of a save that %s', async (_what, keeping, hasEnded, text) => {
  const said = await saying(keeping, [torn, whole], hasEnded);
  expect(said.text).toContain(text);
  expect(said.asked).toEqual(keeping === null ? null : ['step-20.pt']);
});

test('names three, and counts the others', async () => {
  const many = [1, 2, 3, 4, 5].map((step) => ({ ...torn, entry: `${step}.pt` }));
  expect((await saying(async () => kept, many)).text).toMatch(/1\.pt .*2\.pt .*3\.pt \(cut off\) and 2 more$/);
});
