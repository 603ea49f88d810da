import * as fc from 'fast-check';
import { posix, win32 } from 'node:path';
import { describe, expect, test } from 'vitest';
import { collisions, fileNameProblem, keyProblem, pathProblem } from './names.ts';

const linux = { caseSensitive: true, windowsNames: false };
const mac = { caseSensitive: false, windowsNames: false };
const windows = { caseSensitive: false, windowsNames: true };

describe('names', () => {
  test('that pass never lead out of the folder, on any system', () => {
    const piece = fc.constantFrom('..', '.', '', 'a', 'b c', '\\', '..\\', 'C:', '\0', 'ü', '...');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom('/', '\\', ''), (pieces, separator) => {
        const path = pieces.join(separator);
        if (pathProblem(path) !== null) return;
        expect(posix.join('/root', path).startsWith('/root/')).toBe(true);
        expect(posix.normalize(path)).toBe(path);
        if (fileNameProblem(path, windows) === null)
          expect(win32.join('C:\\root', path).startsWith('C:\\root\\')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['../up', 'lead out'],
    ['/etc/passwd', 'absolute'],
    ['a//b', 'empty part'],
    ['a\\b', 'backslash'],
    ['a\0b', 'NUL'],
    ['\ud800', 'Unicode'],
    ['', 'empty'],
  ])('%j is refused', (path, why) => {
    expect(pathProblem(path)).toContain(why);
  });

  test.each(['…', 'a b', '..a', 'a..', 'naïve/日本語', '😀', 'x'.repeat(255)])('%j is fine on Linux', (path) => {
    expect(pathProblem(path)).toBeNull();
    expect(fileNameProblem(path, linux)).toBeNull();
  });

  test('that S3 or the file system can not hold are refused with the limit', () => {
    expect(keyProblem('ü'.repeat(513))).toContain('1026 bytes');
    expect(keyProblem('ü'.repeat(512))).toBeNull();
    expect(fileNameProblem(`a/${'ü'.repeat(128)}/b`, linux)).toContain('255');
    expect(fileNameProblem('a./b', windows)).toContain('dot');
    expect(fileNameProblem('con.txt', windows)).toContain('device');
    expect(fileNameProblem('a./b', mac)).toBeNull();
  });

  test('that only differ in case or accents collide where the folder takes them for one', () => {
    const paths = ['Model/a', 'model/b', 'X', 'x', '\u00e9', 'e\u0301', 'other'];
    expect(collisions(paths, linux)).toEqual([]);
    expect(collisions(paths, mac).map((each) => each.path)).toEqual(['model/b', 'x', 'e\u0301']);
  });

  test('of a file where others need a folder are refused', () => {
    expect(collisions(['a', 'a/b'], linux)).toMatchObject([{ path: 'a', why: expect.stringContaining('folder') }]);
  });
});
