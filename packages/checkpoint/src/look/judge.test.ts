import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type InspectionFacts, judgeCandidate, type CandidateVerdict } from './judge.ts';
import { movementOf } from './movement.ts';
import { shapeOf } from './shape.ts';
import { finished, firstSeen, observe, type Sightings } from './sightings.ts';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';
import type { StructureFinding } from '../formats/structure.ts';

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
function seenAs(...looks: readonly (readonly [nowMs: number, files: readonly FileSeen[]])[]): Sightings {
  return looks.reduce<Sightings>((before, [nowMs, files]) => observe(before, { files }, nowMs), new Map());
}

function factsOf(facts: Partial<InspectionFacts>): InspectionFacts {
  return {
    sightings: new Map(),
    nowMs: 0,
    settleMs: SETTLE_MS,
    ended: null,
    expectedShape: null,
    arrived: new Set(),
    structures: new Map(),
    writers: new Set(),
    ...facts,
  };
}

const structuresOf = (finding: StructureFinding, ...paths: string[]) =>
  new Map(paths.map((path) => [path, finding] as const));

/** Versions of a file called `a` that looks have found, one each ten milliseconds; `finished` those that looked finished. */
function versionsOf(versions: number, { finishedOnes = versions, others = [] as readonly FileSeen[] } = {}): Sightings {
  let sightings: Sightings = new Map();
  for (let version = 1; version <= versions; version++) {
    const now = file('a', version);
    sightings = observe(sightings, { files: [now, ...others] }, version * 10);
    if (version <= finishedOnes) sightings = finished(sightings, [now]);
  }
  return sightings;
}
const verdictOn = (sightings: Sightings, files: readonly FileSeen[], facts: Partial<InspectionFacts> = {}) =>
  judgeCandidate(
    candidateOf(files),
    factsOf({ sightings, nowMs: 999, structures: structuresOf(whole, 'a'), ...facts }),
  );

test('two finished saves of a file prove nothing about the others of its set, a third without them does', () => {
  expect(movementOf(candidateOf([file('a', 1)]), factsOf({ sightings: versionsOf(1), nowMs: 11 }))).toContain(
    'still changing',
  );
  const opened = movementOf(candidateOf([file('a', 2)]), factsOf({ sightings: versionsOf(2), nowMs: 21 }));
  expect(opened).toBeNull();
  expect(verdictOn(versionsOf(2), [file('a', 2)])).toMatchObject({ complete: false, settling: true });
  expect(verdictOn(versionsOf(3), [file('a', 3)]).complete).toBe(true);
});

test.each([
  { what: 'was not still', stillMs: 999, open: false, ended: null, settling: true },
  { what: 'was not still and is open', stillMs: 999, open: true, ended: null, settling: true },
  { what: 'is still', stillMs: 1000, open: false, ended: null, settling: false },
  { what: 'rests while it is open', stillMs: 29_999, open: true, ended: null, settling: true },
  { what: 'was left open', stillMs: 30_000, open: true, ended: null, settling: false },
  { what: 'is what a kill left', stillMs: 10, open: false, ended: { atMs: 0, clean: false }, settling: false },
  { what: 'is what the script left', stillMs: 10, open: false, ended: { atMs: 0, clean: true }, settling: false },
])('a torn file that $what may become whole: $settling', ({ stillMs, open, ended, settling }) => {
  const files = [file('a')];
  const torn: StructureFinding = { verdict: 'torn', evidence: 'cut off' };
  const facts = { nowMs: stillMs, ended, writers: new Set(open ? ['a'] : []), structures: structuresOf(torn, 'a') };
  expect(verdictOn(seenAs([0, files]), files, facts)).toMatchObject({ complete: false, settling });
});

test('versions that were not finished are pieces of a save, and prove nothing however many were seen', () => {
  expect(verdictOn(versionsOf(9, { finishedOnes: 0 }), [file('a', 9)]).complete).toBe(false);
  expect(verdictOn(versionsOf(9, { finishedOnes: 1 }), [file('a', 9)]).complete).toBe(false);
  expect(verdictOn(versionsOf(9, { finishedOnes: 2 }), [file('a', 9)]).complete).toBe(true);
});

test('a file that appeared or changed between the saves of another may belong to them', () => {
  const [a, b] = [file('a', 4), file('b', 1)];
  const older = versionsOf(4, { others: [b] });
  // All were there when the looks began, so that `b` may have been written after `a`.
  expect(verdictOn(older, [a, b]).complete).toBe(false);
  const later = observe(finished(older, [a]), { files: [file('a', 5), b] }, 50);
  expect(verdictOn(later, [file('a', 5), b], { nowMs: 10 + SETTLE_MS }).complete).toBe(true);
  const moved = observe(older, { files: [a, file('b', 2)] }, 45);
  expect(movementOf(candidateOf([a, file('b', 2)]), factsOf({ sightings: moved, nowMs: 46 }))).not.toBeNull();
});

test('of a set that is rewritten file by file in any order no version is complete in the middle', () => {
  const orders = fc.array(fc.constantFrom('ab', 'ba'), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(orders, fc.infiniteStream(fc.boolean()), (saves, skipsLook) => {
      let sightings: Sightings = new Map();
      let nowMs = 0;
      const versions = { a: 0, b: 0 };
      const files = () => [file('a', versions.a), file('b', versions.b)];
      const structures = structuresOf(whole, 'a', 'b');
      for (const [index, order] of saves.entries())
        for (const name of order as Iterable<'a' | 'b'>) {
          versions[name] = index + 1;
          nowMs += 10;
          if (skipsLook.next().value === true) continue;
          sightings = observe(sightings, { files: files() }, nowMs);
          const candidate = candidateOf(files());
          const facts = factsOf({ sightings, nowMs, structures });
          if (movementOf(candidate, facts) !== null) continue;
          const verdict = judgeCandidate(candidate, facts);
          sightings = finished(sightings, files());
          expect(verdict.complete && versions.a !== versions.b).toBe(false);
        }
    }),
  );
});

test('a moving file is proven only by its structure and only where writers are known', () => {
  const [sightings, files] = [versionsOf(3), [file('a', 3)]];
  expect(verdictOn(sightings, files).complete).toBe(true);
  expect(verdictOn(sightings, files, { structures: structuresOf(unknown, 'a') }).complete).toBe(false);
  expect(verdictOn(sightings, files, { writers: null }).complete).toBe(false);
  expect(verdictOn(sightings, files, { writers: new Set(['a']) }).complete).toBe(false);
});

test('a marker that says incomplete holds a candidate back, one that says complete stands for structure', () => {
  const marker = { complete: false, evidence: 'no .metadata yet' };
  expect(judgeCandidate(candidateOf([file('a')], { marker }), factsOf({}))).toMatchObject({
    complete: false,
    why: 'no .metadata yet',
  });
  const ended = { clean: false, atMs: 100 };
  const marked = candidateOf([file('a', 99)], { marker: { complete: true, evidence: '.metadata is there' } });
  expect(judgeCandidate(marked, factsOf({ ended, structures: structuresOf(unknown, 'a') }))).toMatchObject({
    complete: true,
    evidence: expect.stringContaining('.metadata is there'),
  });
});

test('a missing file of the expected shape is waited for, not for ever', () => {
  const expectedShape = shapeOf([{ path: 'checkpoint-1/a' }, { path: 'checkpoint-1/b' }]);
  const files = [file('checkpoint-5/a')];
  const sightings = seenAs([0, files]);
  const candidate = candidateOf(files, { step: 5 });
  const at = (nowMs: number) => movementOf(candidate, factsOf({ sightings, nowMs, expectedShape }));
  expect(at(SETTLE_MS)).toContain('checkpoint-#/b');
  expect(at(30 * SETTLE_MS)).toBeNull();
});

test('after a kill a stepped set that was just written counts when it is whole and has the expected shape', () => {
  const ended = { clean: false, atMs: 100_000 };
  const files = [file('checkpoint-5/a', 99_999), file('checkpoint-5/b', 99_999)];
  const candidate = candidateOf(files, { step: 5 });
  const expectedShape = shapeOf([{ path: 'checkpoint-1/a' }, { path: 'checkpoint-1/b' }]);
  expect(movementOf(candidate, factsOf({ ended, expectedShape }))).toBeNull();
  expect(movementOf(candidate, factsOf({ ended }))).toContain('before the workload was killed');
  const structures = structuresOf(whole, 'checkpoint-5/a', 'checkpoint-5/b');
  expect(judgeCandidate(candidate, factsOf({ ended, expectedShape, structures }))).toMatchObject({ complete: true });
  structures.set('checkpoint-5/b', unknown);
  expect(judgeCandidate(candidate, factsOf({ ended, expectedShape, structures }))).toMatchObject({ complete: false });
});

test('the first checkpoint of a run is not taken after a kill from a folder that may lack files', () => {
  const ended = { clean: false, atMs: 100_000 };
  const inFolder = candidateOf([file('checkpoint-5/a', 99_999)], { step: 5 });
  expect(movementOf(inFolder, factsOf({ ended }))).not.toBeNull();
});

test('after a kill the first file of a step counts only once it is known that a checkpoint has no other', () => {
  const ended = { clean: false, atMs: 100_000 };
  const candidate = candidateOf([file('model_5.pt', 99_999)], { step: 5 });
  expect(movementOf(candidate, factsOf({ ended }))).toContain('other files may be missing');
  expect(movementOf(candidate, factsOf({ ended, expectedShape: shapeOf([{ path: 'model_4.pt' }]) }))).toBeNull();
  const pair = shapeOf([{ path: 'model_4.pt' }, { path: 'optimizer_4.pt' }]);
  expect(movementOf(candidate, factsOf({ ended, expectedShape: pair }))).toContain('optimizer_#.pt');
  expect(movementOf(candidateOf([file('model_5.pt', 97_000)], { step: 5 }), factsOf({ ended }))).toBeNull();
  expect(movementOf(candidate, factsOf({ ended: { clean: true, atMs: 100_000 } }))).toBeNull();
  const beside = (step: number, ...files: FileSeen[]) =>
    movementOf(candidate, factsOf({ ended, candidates: [candidate, candidateOf(files, { step })] }));
  expect(beside(4, file('model_4.pt', 97_000))).toBeNull();
  expect(beside(4, file('model_4.pt', 97_000), file('optimizer_4.pt', 97_000))).not.toBeNull();
  expect(beside(4, file('model_4.pt', 99_900))).not.toBeNull();
  expect(beside(4, file('weights_4.pt', 97_000))).not.toBeNull();
  expect(beside(5, file('model_05.pt', 97_000))).not.toBeNull();
});

test('after a kill the only file there is counts when checkpoints are known to have one file', () => {
  const ended = { clean: false, atMs: 100_000 };
  const candidate = candidateOf([file('state.json', 99_999)]);
  expect(movementOf(candidate, factsOf({ ended }))).toContain('other files may be missing');
  expect(movementOf(candidate, factsOf({ ended, expectedShape: shapeOf([{ path: 'state.json' }]) }))).toBeNull();
  expect(movementOf({ ...candidate, wholeInOneFile: true }, factsOf({ ended }))).toBeNull();
  expect(movementOf(candidateOf([file('state.json', 97_000)]), factsOf({ ended }))).toBeNull();
});

test('companions go along only when they are complete themselves', () => {
  const companions = [file('still'), file('moving', 5), file('torn'), file('unread'), file('written')];
  const files = [file('a')];
  const sightings = seenAs(
    [0, [...files, ...companions.map((each) => ({ ...each, mtimeMs: 0 }))]],
    [SETTLE_MS, [...files, ...companions]],
  );
  const structures = structuresOf(unknown, 'a', 'still', 'moving', 'written');
  structures.set('torn', { verdict: 'torn', evidence: 'cut off' });
  const facts = factsOf({ sightings, nowMs: SETTLE_MS, structures, writers: new Set(['written']) });
  const verdict = judgeCandidate(candidateOf(files, { companions }), facts);
  expect(verdict).toMatchObject({ complete: true, companions: [{ path: 'still' }] });
});

test('after a kill a file that was not seen closed counts by its structure alone, unless it is older than any save', () => {
  const candidate = candidateOf([file('a')]);
  const verdictOf = (finding: StructureFinding, facts: Partial<InspectionFacts>): CandidateVerdict =>
    judgeCandidate(
      candidate,
      factsOf({ ended: { clean: false, atMs: 10_000 }, structures: structuresOf(finding, 'a'), ...facts }),
    );
  expect(verdictOf(unknown, {})).toMatchObject({
    complete: false,
    why: 'a may have been open for writing when the workload was killed',
  });
  expect(verdictOf(whole, {}).complete).toBe(true);
  const fingerprint = fingerprintOf(file('a'));
  const seen = (what: string, atMs: number) => ({
    sightings: new Map([['a', { ...firstSeen(file('a'), 0), closed: { fingerprint: what, atMs } }]]),
  });
  expect(verdictOf(unknown, seen(fingerprint, 9_000)).complete).toBe(true);
  expect(verdictOf(unknown, seen('as it was before', 9_000)).complete).toBe(false);
  expect(verdictOf(unknown, seen(fingerprint, 9_999)).complete).toBe(false);
  expect(verdictOf(unknown, { ended: { clean: false, atMs: 100_000 } }).complete).toBe(true);
  expect(verdictOf(unknown, { writers: null }).complete).toBe(true);
});

test('fewer shards than the checkpoint before had are missing some, until that has been so for long', () => {
  const shards = (many: number) => Array.from({ length: many }, (_, rank) => file(`checkpoint-6/rank-${rank}`));
  const candidate = candidateOf(shards(3), { step: 6 });
  const expectedShape = shapeOf(shards(4));
  const sightings = seenAs([0, shards(3)]);
  const at = (nowMs: number) => movementOf(candidate, factsOf({ sightings, nowMs, expectedShape }));
  expect(at(SETTLE_MS)).toContain('1 of 4 checkpoint-#/rank-#');
  expect(at(SETTLE_MS * 30)).toBeNull();
  const ended = { clean: false, atMs: 100_000_000 };
  expect(movementOf(candidate, factsOf({ ended, expectedShape }))).toContain('1 of 4');
  expect(movementOf(candidateOf(shards(5), { step: 6 }), factsOf({ ended, expectedShape }))).toBeNull();
});

test('new files that are as those of the checkpoint before, whole and closed, count before they are still', () => {
  const files = [file('checkpoint-6/a'), file('checkpoint-6/b')];
  const candidate = candidateOf(files, { step: 6 });
  const facts = {
    sightings: seenAs([0, files]),
    nowMs: 1,
    expectedShape: shapeOf([{ path: 'checkpoint-5/a' }, { path: 'checkpoint-5/b' }]),
    arrived: new Set(['checkpoint-6/a', 'checkpoint-6/b']),
    structures: structuresOf(whole, 'checkpoint-6/a', 'checkpoint-6/b'),
  };
  const isComplete = (of: Candidate, more: Partial<InspectionFacts> = {}): boolean => {
    const given = factsOf({ ...facts, ...more });
    return movementOf(of, given) === null && judgeCandidate(of, given).complete;
  };
  expect(isComplete(candidate)).toBe(true);
  expect(judgeCandidate(candidate, factsOf(facts))).toMatchObject({
    evidence: expect.stringContaining('all that the checkpoint before had'),
  });
  const { structures } = facts;
  const butOne = new Map(structures).set('checkpoint-6/b', unknown);
  const without: Record<string, boolean> = {
    step: isComplete({ ...candidate, step: null }),
    'a checkpoint before': isComplete(candidate, { expectedShape: null }),
    'one of its files': isComplete(candidateOf(files.slice(1), { step: 6 })),
    'as many of a kind': isComplete(candidate, {
      expectedShape: shapeOf([...files, file('checkpoint-6/b-1'), file('checkpoint-6/b-2')]),
    }),
    'having come now': isComplete(candidate, { arrived: new Set(['checkpoint-6/a']) }),
    'proof of one': isComplete(candidate, { structures: butOne }),
    'everybody closed': isComplete(candidate, { writers: new Set(['checkpoint-6/b']) }),
    'knowing who writes': isComplete(candidate, { writers: null }),
    'companions being still': isComplete({ ...candidate, companions: [file('latest')] }),
  };
  expect(Object.entries(without).filter(([, complete]) => complete)).toEqual([]);
});

test('shards of one name count by their number', () => {
  const shards = (many: number) => Array.from({ length: many }, (_, rank) => file(`checkpoint-6/rank-${rank}`));
  const facts = (present: number, expected: number) => {
    const files = shards(present);
    return {
      candidate: candidateOf(files, { step: 6 }),
      given: factsOf({
        sightings: seenAs([0, files]),
        expectedShape: shapeOf(shards(expected)),
        arrived: new Set(files.map(({ path }) => path)),
      }),
    };
  };
  const counts = (present: number, expected: number): boolean => {
    const { candidate, given } = facts(present, expected);
    return movementOf(candidate, given) === null;
  };
  expect(counts(4, 4)).toBe(true);
  expect(counts(3, 4)).toBe(false);
  expect(counts(5, 4)).toBe(false);
});
