import { expect, test } from 'vitest';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import { candidateIdentity, isOlder, newestFirst } from './plan.ts';

const file = (path: string, mtimeMs: number): FileSeen => ({
  path,
  sizeBytes: 1,
  mtimeMs,
  ctimeMs: 0,
  inode: path,
  mode: 0o644,
});
const candidate = (step: number | null, mtimeMs: number, companions: FileSeen[] = []): Candidate => ({
  recogniser: 'test',
  entry: `${step}`,
  step,
  files: [file(`${step}`, mtimeMs)],
  companions,
  marker: null,
});

test('the newest is the one of the highest step, whatever the clock says', () => {
  const sorted = newestFirst([candidate(200, 9), candidate(1000, 1), candidate(300, 5)]);
  expect(sorted.map((each) => each.step)).toEqual([1000, 300, 200]);
  expect(newestFirst([candidate(null, 1), candidate(null, 2)]).map((each) => each.files[0]?.mtimeMs)).toEqual([2, 1]);
});

test('older is only what is behind both in steps and in time', () => {
  const published = { step: 500, savedAtMs: 100, identity: null };
  expect(isOlder(candidate(400, 50), published)).toBe(true);
  expect(isOlder(candidate(400, 150), published)).toBe(false);
  expect(isOlder(candidate(600, 50), published)).toBe(false);
  expect(isOlder(candidate(null, 50), published)).toBe(false);
  expect(isOlder(candidate(400, 50), null)).toBe(false);
});

test('an identity changes with content, with companions that count, and with logs only at the end', () => {
  const identity = (log: number, pointer: number, ended = false) => {
    const companions = [file('train.log', log), file('latest', pointer)];
    return candidateIdentity(candidate(5, 1, companions), { companions }, ended);
  };
  expect(identity(1, 1)).toEqual(identity(2, 1));
  expect(identity(1, 1)).not.toEqual(identity(1, 2));
  expect(identity(1, 1, true)).not.toEqual(identity(2, 1, true));
});
