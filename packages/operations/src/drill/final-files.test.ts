import { expect, test } from 'vitest';
import { differingFiles } from './final-files.ts';

test('files differ by path, size and hash', () => {
  const a = {
    step: 1,
    files: new Map([
      ['x', '1 a'],
      ['y', '1 b'],
    ]),
  };
  const b = {
    step: 1,
    files: new Map([
      ['x', '1 a'],
      ['z', '1 b'],
    ]),
  };
  expect(differingFiles(a, a)).toEqual([]);
  expect(differingFiles(a, b)).toEqual(['y', 'z']);
  expect(differingFiles(null, b)).toEqual(['x', 'z']);
  expect(differingFiles(null, null)).toBeNull();
});
