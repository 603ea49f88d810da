import { createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32Of } from '../port/crc32.ts';
import { compositeSha256, ContentHasher, hashPart } from './content-hash.ts';
import { partGrid } from '../parts/part-grid.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

test('hashes by parts of the grid, however the bytes come', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(fc.nat(300), fc.integer({ min: 1, max: 64 }), cuts, (sizeBytes, partSizeBytes, at) => {
      const bytes = randomBytes(sizeBytes);
      const hasher = new ContentHasher(partSizeBytes);
      const edges = [0, ...at.map((cut) => Math.min(cut, sizeBytes)).toSorted((a, b) => a - b), sizeBytes];
      for (const [index, edge] of edges.entries()) hasher.update(bytes.subarray(edge, edges[index + 1] ?? edge));
      const parts = partGrid(sizeBytes, partSizeBytes).parts.map(({ start, end }) => bytes.subarray(start, end));
      expect(hasher.digest()).toEqual({ sha256: compositeSha256(parts.map(hashPart)), parts: parts.map(hashPart) });
    }),
  );
});

test('one part has its plain SHA-256, several have the composite one of S3', () => {
  const [a, b] = [Buffer.from('one'), Buffer.from('two')];
  expect(compositeSha256([hashPart(a)])).toBe(sha256(a).toString('hex'));
  expect(compositeSha256([hashPart(a), hashPart(b)])).toBe(
    sha256(Buffer.concat([sha256(a), sha256(b)])).toString('hex'),
  );
  expect(hashPart(a).crc32).toBe(crc32Of(a));
});

test('a part without a hash leaves the file without one', () => {
  const [known, unknown] = [hashPart(Buffer.from('one')), { sha256: '' }];
  for (const parts of [[unknown], [unknown, known], [known, unknown]]) expect(compositeSha256(parts)).toBe('');
});
