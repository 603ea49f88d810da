import { PART_SIZE_BYTES } from '@runctl/protocol';

const MAX_PARTS = 10_000;

/** `end` is exclusive. */
export interface GridPart {
  readonly partNumber: number;
  readonly start: number;
  readonly end: number;
}

export interface PartGrid {
  readonly partSizeBytes: number;
  readonly parts: readonly GridPart[];
}

/**
 * The parts of an object of this size. The grid depends on the size alone, so that parts with equal bytes of two versions
 * can be matched: 8 MiB, doubled only as often as S3's limit of 10,000 parts demands. An empty object has one empty part.
 */
export function partGrid(sizeBytes: number, smallestPartBytes = PART_SIZE_BYTES): PartGrid {
  let partSizeBytes = smallestPartBytes;
  while (Math.ceil(sizeBytes / partSizeBytes) > MAX_PARTS) partSizeBytes *= 2;
  const count = Math.max(1, Math.ceil(sizeBytes / partSizeBytes));
  const parts = Array.from({ length: count }, (_, index) => ({
    partNumber: index + 1,
    start: index * partSizeBytes,
    end: Math.min(sizeBytes, (index + 1) * partSizeBytes),
  }));
  return { partSizeBytes, parts };
}
