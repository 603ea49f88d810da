/** What to do with a chunk of a log, given how far that log was read. */
export interface Placement {
  /** Bytes that are missing before the chunk, as a range of offsets; null when it joins. */
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** How many of the chunk's first bytes were already read. */
  readonly skip: number;
  /** Where the log stands after the chunk. */
  readonly position: number;
}

/**
 * Chunks may overlap (an agent that restarted ships again what it was not sure of), and one may be missing. Overlaps are
 * cut so that no byte is given twice; a gap is said. Offsets count uncompressed bytes of one life's log.
 */
export function place(position: number, chunk: { readonly offset: number; readonly sizeBytes: number }): Placement {
  const gap = chunk.offset > position ? { from: position, to: chunk.offset } : null;
  const skip = Math.min(chunk.sizeBytes, Math.max(0, position - chunk.offset));
  return { gap, skip, position: Math.max(position, chunk.offset + chunk.sizeBytes) };
}
