import { expect, test } from 'vitest';
import { type InspectionFacts, judge, movementOf } from './judge.ts';
import { observe, type Observations } from './observations.ts';
import type { Candidate, FileSeen } from './recogniser.ts';
import type { StructureFinding } from './structure.ts';

const SETTLE_MS = 1000;
const whole: StructureFinding = { verdict: 'whole', evidence: 'JSON parses' };
const unknown: StructureFinding = { verdict: 'unknown', evidence: 'format unknown' };

const file = (path: string, mtimeMs = 0): FileSeen => ({
  path,
  sizeBytes: 10,
  mtimeMs,
  ctimeMs: mtimeMs,
  inode: path,
  mode: 0o644,
});

function candidateOf(files: readonly FileSeen[], more: Partial<Candidate> = {}): Candidate {
  return { recogniser: 'test', entry: '.', step: null, files, companions: [], marker: null, ...more };
}

/** What looks at these times have found: the given versions of the tree, in order. */
function seenAs(...looks: readonly (readonly [nowMs: number, files: readonly FileSeen[]])[]): Observations {
  return looks.reduce<Observations>((before, [nowMs, files]) => observe(before, { files }, nowMs), new Map());
}

function factsOf(facts: Partial<InspectionFacts>): InspectionFacts {
  return {
    observations: new Map(),
    nowMs: 0,
    settleMs: SETTLE_MS,
    ended: null,
    expectedShape: null,
    structures: new Map(),
    writers: new Set(),
    openAtKill: new Set(),
    ...facts,
  };
}

const structuresOf = (finding: StructureFinding, ...paths: string[]) =>
  new Map(paths.map((path) => [path, finding] as const));

test('one save of a file proves nothing about the others of its set, two in a row without them do', () => {
  const once = seenAs([0, [file('a', 1)]], [10, [file('a', 2)]]);
  const twice = seenAs([0, [file('a', 1)]], [10, [file('a', 2)]], [20, [file('a', 3)]]);
  expect(movementOf(candidateOf([file('a', 2)]), factsOf({ observations: once, nowMs: 11 }))).toContain(
    'still changing',
  );
  expect(movementOf(candidateOf([file('a', 3)]), factsOf({ observations: twice, nowMs: 21 }))).toBeNull();
});

test('a file that appeared between two saves of another may belong to them', () => {
  const observations = seenAs([0, [file('a', 1)]], [10, [file('a', 2), file('b')]], [20, [file('a', 3), file('b')]]);
  const candidate = candidateOf([file('a', 3), file('b')]);
  expect(movementOf(candidate, factsOf({ observations, nowMs: 21 }))).toContain('a is still changing');
});

test('a moving file is proven only by its structure and only where writers are known', () => {
  const observations = seenAs([0, [file('a', 1)]], [10, [file('a', 2)]], [20, [file('a', 3)]]);
  const candidate = candidateOf([file('a', 3)]);
  const verdictWith = (facts: Partial<InspectionFacts>) =>
    judge(candidate, factsOf({ observations, nowMs: 21, structures: structuresOf(whole, 'a'), ...facts })).complete;
  expect(verdictWith({})).toBe(true);
  expect(verdictWith({ structures: structuresOf(unknown, 'a') })).toBe(false);
  expect(verdictWith({ writers: null })).toBe(false);
  expect(verdictWith({ writers: new Set(['a']) })).toBe(false);
});

test('a marker that says incomplete holds a candidate back, one that says complete stands for structure', () => {
  const marker = { complete: false, evidence: 'no .metadata yet' };
  expect(judge(candidateOf([file('a')], { marker }), factsOf({}))).toMatchObject({
    complete: false,
    why: 'no .metadata yet',
  });
  const ended = { clean: false, atMs: 100 };
  const marked = candidateOf([file('a', 99)], { marker: { complete: true, evidence: '.metadata is there' } });
  expect(judge(marked, factsOf({ ended, structures: structuresOf(unknown, 'a') }))).toMatchObject({
    complete: true,
    evidence: expect.stringContaining('.metadata is there'),
  });
});

test('a missing file of the expected shape is waited for, not for ever', () => {
  const expectedShape = new Set(['checkpoint-#/a', 'checkpoint-#/b']);
  const files = [file('checkpoint-5/a')];
  const observations = seenAs([0, files]);
  const candidate = candidateOf(files, { step: 5 });
  const at = (nowMs: number) => movementOf(candidate, factsOf({ observations, nowMs, expectedShape }));
  expect(at(SETTLE_MS)).toContain('checkpoint-#/b');
  expect(at(30 * SETTLE_MS)).toBeNull();
});

test('after a kill a stepped set that was just written counts when it is whole and has the expected shape', () => {
  const ended = { clean: false, atMs: 100_000 };
  const files = [file('checkpoint-5/a', 99_999), file('checkpoint-5/b', 99_999)];
  const candidate = candidateOf(files, { step: 5 });
  const expectedShape = new Set(['checkpoint-#/a', 'checkpoint-#/b']);
  expect(movementOf(candidate, factsOf({ ended, expectedShape }))).toBeNull();
  expect(movementOf(candidate, factsOf({ ended }))).toContain('before the workload was killed');
  const structures = structuresOf(whole, 'checkpoint-5/a', 'checkpoint-5/b');
  expect(judge(candidate, factsOf({ ended, expectedShape, structures }))).toMatchObject({ complete: true });
  structures.set('checkpoint-5/b', unknown);
  expect(judge(candidate, factsOf({ ended, expectedShape, structures }))).toMatchObject({ complete: false });
});

test('the first checkpoint of a run is not taken after a kill from a folder that may lack files', () => {
  const ended = { clean: false, atMs: 100_000 };
  const inFolder = candidateOf([file('checkpoint-5/a', 99_999)], { step: 5 });
  expect(movementOf(inFolder, factsOf({ ended }))).not.toBeNull();
  expect(movementOf(candidateOf([file('model_5.pt', 99_999)], { step: 5 }), factsOf({ ended }))).toBeNull();
});

test('companions go along only when they are complete themselves', () => {
  const companions = [file('still'), file('moving', 5), file('torn'), file('unread'), file('written')];
  const files = [file('a')];
  const observations = seenAs(
    [0, [...files, ...companions.map((each) => ({ ...each, mtimeMs: 0 }))]],
    [SETTLE_MS, [...files, ...companions]],
  );
  const structures = structuresOf(unknown, 'a', 'still', 'moving', 'written');
  structures.set('torn', { verdict: 'torn', evidence: 'cut off' });
  const facts = factsOf({ observations, nowMs: SETTLE_MS, structures, writers: new Set(['written']) });
  const verdict = judge(candidateOf(files, { companions }), facts);
  expect(verdict).toMatchObject({ complete: true, companions: [{ path: 'still' }] });
});

test('a file that was open for writing when the workload was killed counts only by its structure, however still it was', () => {
  const candidate = candidateOf([file('a')]);
  const killed = factsOf({ ended: { clean: false, atMs: 60_000 }, openAtKill: new Set(['a']) });
  expect(judge(candidate, { ...killed, structures: structuresOf(unknown, 'a') })).toMatchObject({
    complete: false,
    why: 'a was open for writing when the workload was killed',
  });
  expect(judge(candidate, { ...killed, structures: structuresOf(whole, 'a') }).complete).toBe(true);
  expect(judge(candidate, { ...killed, openAtKill: new Set(), structures: structuresOf(unknown, 'a') }).complete).toBe(
    true,
  );
});
