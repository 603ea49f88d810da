import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertKey, compareKeys, decodeListedKey, folderOf } from './keys.ts';
import { StoreError } from './object-store.ts';

// Spares the second that the library takes to make its own of all code points.
const codePoint = fc.integer({ min: 0, max: 0x10ffff }).map((value) => String.fromCodePoint(value));
const anyText = fc.string({ unit: codePoint }).filter((text) => text.isWellFormed());

describe('keys', () => {
  test('survive the encoding of listings, with blanks as plus or as %20', () => {
    fc.assert(
      fc.property(anyText, (key) => {
        const encoded = encodeURIComponent(key);
        expect(decodeListedKey(encoded)).toBe(key);
        expect(decodeListedKey(encoded.replaceAll('%20', '+'))).toBe(key);
      }),
    );
  });

  test('are ordered by their UTF-8 bytes', () => {
    expect(['\u{1F600}', '\u{FF5E}', 'a'].sort(compareKeys)).toEqual(['a', '\u{FF5E}', '\u{1F600}']);
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  test.each(['', '/a', 'a/', 'a//b', 'a/./b', '../a', 'a/..', '\uD800', 'x'.repeat(1025)])('refuses %j', (key) => {
    expect(() => assertKey(key)).toThrow(StoreError);
  });

  test('lie in the folder after the prefix', () => {
    expect(folderOf('runs/a/b', 'runs/')).toBe('runs/a/');
    expect(folderOf('runs/a/b', 'ru')).toBe('runs/');
    expect(folderOf('runs/a', 'runs/')).toBeNull();
  });
});
