import { checksumHolds, isStoreError, type ObjectStore, partGrid, type SizedCrc32 } from '@runctl/store';

export interface CheckedCopy {
  readonly from: string;
  readonly to: string;
  /** The CRC-32s of what the source was when it was written. */
  readonly pieces: readonly SizedCrc32[];
}

/**
 * Copies an object inside the store. False when the source is gone, or is not any more what was stored there as far as
 * the store answers the copy's checksum; then nothing is left at `to`, and the bytes have to be sent.
 */
export async function copyChecked(
  { from, to, pieces }: CheckedCopy,
  { store, signal }: { readonly store: ObjectStore; readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    const { crc32 } = await store.copy(from, to, { signal });
    if (checksumHolds(crc32, pieces) !== false) return true;
    await store.delete([to], { signal }).catch(() => {});
    return false;
  } catch (error) {
    if (isStoreError(error, 'missing')) return false;
    throw error;
  }
}

/** The parts of a file of this size, each with its CRC-32. */
export function piecesOf(
  sizeBytes: number,
  partSizeBytes: number,
  partCrc32: readonly string[],
): readonly SizedCrc32[] {
  const { parts } = partGrid(sizeBytes, partSizeBytes);
  return parts.map(({ start, end }, index) => ({ crc32: partCrc32[index] ?? '', sizeBytes: end - start }));
}
