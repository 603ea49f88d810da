import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodePath, queryString } from './uri.ts';

test('paths survive their encoding, and keep their slashes', () => {
  // Spares the second that the library takes to make its own of all code points.
  const codePoint = fc.integer({ min: 0, max: 0x10ffff }).map((value) => String.fromCodePoint(value));
  const anyText = fc.string({ unit: codePoint }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(anyText, (path) => {
      const encoded = encodePath(path);
      expect(encoded).toMatch(/^[A-Za-z0-9\-._~%/]*$/);
      expect(decodeURIComponent(encoded)).toBe(path);
      expect(encoded.split('/')).toHaveLength(path.split('/').length);
    }),
  );
});

test('a query is sent in the order in which it is signed', () => {
  expect(queryString({ uploads: '', prefix: 'a b', 'max-keys': '2' })).toBe('?max-keys=2&prefix=a%20b&uploads=');
  expect(queryString({})).toBe('');
});
