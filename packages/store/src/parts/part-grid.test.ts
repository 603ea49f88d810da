import { PART_SIZE_BYTES } from '@runctl/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partGrid } from './part-grid.ts';

describe('the part grid', () => {
  test('covers any size without gaps in at most 10,000 parts that S3 takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 * 1024 ** 4 }), (sizeBytes) => {
        const { parts, partSizeBytes } = partGrid(sizeBytes);
        expect(parts.length).toBeGreaterThanOrEqual(1);
        expect(parts.length).toBeLessThanOrEqual(10_000);
        expect(parts[0]?.start).toBe(0);
        expect(parts.at(-1)?.end).toBe(sizeBytes);
        const broken = parts.filter((part, index) => {
          const next = parts[index + 1];
          if (part.partNumber !== index + 1) return true;
          return next !== undefined && (next.start !== part.end || part.end - part.start !== partSizeBytes);
        });
        expect(broken).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('is 8 MiB wherever 10,000 such parts suffice', () => {
    expect(partGrid(0)).toEqual({ partSizeBytes: PART_SIZE_BYTES, parts: [{ partNumber: 1, start: 0, end: 0 }] });
    expect(partGrid(10_000 * PART_SIZE_BYTES).partSizeBytes).toBe(PART_SIZE_BYTES);
    expect(partGrid(10_000 * PART_SIZE_BYTES + 1).partSizeBytes).toBe(2 * PART_SIZE_BYTES);
  });
});
