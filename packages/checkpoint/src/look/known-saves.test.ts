import { FORMAT_VERSION, type Manifest } from '@runctl/protocol';
import { expect, test } from 'vitest';
import type { Candidate } from '../contract/recogniser.ts';
import { KnownSaves } from './known-saves.ts';

const keyOf = (step: number): string => `manifest ${step}`;
const savedAt = (step: number): number => Date.parse('2026-01-01T00:00:00.000Z') + step * 1000;

function manifestOf(step: number): Manifest {
  const path = `step_${step}.pt`;
  return {
    version: FORMAT_VERSION,
    generation: 1,
    seq: step,
    nonce: '',
    step,
    previous: null,
    recogniser: 'plain',
    evidence: '',
    entry: path,
    nodes: [],
    files: [
      { path, key: path, sizeBytes: 7, mode: 0o644, sha256: '', partSizeBytes: 8, partCrc32: [''], partSha256: [''] },
    ],
    savedAt: new Date(savedAt(step)).toISOString(),
    at: new Date(savedAt(step)).toISOString(),
  };
}

function candidateOf(step: number): Candidate {
  const mtimeMs = savedAt(step);
  const path = `step_${step}.pt`;
  const file = { path, sizeBytes: 7, mtimeMs, ctimeMs: mtimeMs, inode: path, mode: 0o644 };
  return { recogniser: 'plain', entry: path, step, files: [file], companions: [], marker: null };
}

const steps = (many: number): readonly number[] => Array.from({ length: many }, (_, index) => index + 1);

function savesOf(onDisk: readonly number[], inBucket: readonly number[]): KnownSaves {
  const saves = new KnownSaves();
  for (const step of inBucket) saves.note(keyOf(step), manifestOf(step));
  saves.noteOnDisk(onDisk.map(candidateOf));
  return saves;
}

const listOf = (...numbers: readonly number[]): ReadonlyMap<string, Manifest> =>
  new Map(numbers.map((step) => [keyOf(step), manifestOf(step)]));

test('a manifest that prunes delete while the list of all is read is not named', async () => {
  const saves = savesOf([], []);
  saves.pruneBegins();
  expect(saves.release(keyOf(1))).toBe(true);
  await saves.noteAll(async () => {
    saves.pruneBegins();
    expect(saves.release(keyOf(2))).toBe(true);
    saves.pruneBegins();
    return Promise.resolve(listOf(1, 2, 3));
  });
  expect(saves.name([1, 2, 3].map(keyOf))).toEqual([keyOf(3)]);
  expect(saves.heldBy(candidateOf(1))).toBeNull();
});

test('what an earlier prune has deleted is forgotten once nothing can name it any more', async () => {
  const saves = savesOf([], []);
  await saves.noteAll(() => Promise.resolve(listOf(1)));
  saves.pruneBegins();
  saves.release(keyOf(1));
  saves.pruneBegins();
  saves.note(keyOf(1), manifestOf(1));
  expect(saves.heldBy(candidateOf(1))).toBe(keyOf(1));
});

test('of several manifests of one save the newest is named, and no other is held', () => {
  const saves = savesOf(steps(3), steps(3));
  saves.note('manifest 2, later', { ...manifestOf(2), seq: 4 });
  expect(saves.heldBy(candidateOf(2))).toBe('manifest 2, later');
  expect(saves.release(keyOf(2))).toBe(true);
  expect(saves.release('manifest 2, later')).toBe(false);
});

test('what lies in the folder stays in the bucket while it may be what the script keeps', () => {
  const saves = savesOf(steps(10), steps(12));
  expect(saves.release(keyOf(1))).toBe(false);
  expect(saves.release(keyOf(11))).toBe(true);
});

test('of a script that has saved often and deleted nothing, nothing is held', () => {
  expect(savesOf(steps(11), steps(11)).release(keyOf(1))).toBe(true);
});

test('of a script that deletes, all that lies in the folder is held', () => {
  const saves = savesOf(steps(50), steps(50));
  saves.noteOwnRetention();
  expect(saves.release(keyOf(1))).toBe(false);
});

test('while not all manifests are known, none is deleted that may lie in the folder', async () => {
  const saves = savesOf(steps(3), []);
  expect(saves.release(keyOf(2))).toBe(false);
  await saves.noteAll(() => Promise.resolve(listOf(...steps(3))));
  // One that is in no chain was never committed.
  expect(saves.release(keyOf(9))).toBe(true);
});

test('a restored checkpoint that is all there is holds nothing', () => {
  expect(savesOf([3], [1, 2, 3]).release(keyOf(1))).toBe(true);
});

const numberless = (step: number): Candidate => {
  const [file] = candidateOf(step).files;
  if (file === undefined) throw new Error('a save has a file');
  return { ...candidateOf(step), entry: 'last.pt', files: [{ ...file, path: 'last.pt' }] };
};

test.each<readonly [onDisk: readonly number[], inBucket: readonly number[], named: readonly number[]]>([
  [[100, 200], [100], [100]],
  [[100, 200], [100, 200], [200]],
  [[100, 200], [200], [200]],
  [[100, 200], [], []],
  [[100, 200, 300], [100], [100]],
  [[100, 200, 240], [100, 200], [200]],
  [[100, 200, 300], [100, 300], [100]],
  [[1, 2, 3, 4, 5], [1, 2], [2]],
  [[200], [100], []],
  [[], [100], []],
])('of %j that lie beside a newer save without a number, and %j in the bucket, %j is named', (disk, bucket, named) => {
  const saves = savesOf(disk, bucket);
  expect(saves.earlierOf(numberless(250), disk.map(candidateOf))).toEqual(named.map(keyOf));
});
