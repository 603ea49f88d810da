/** How one earlier stop of this run went. */
export interface EarlierStop {
  /** The machine was taken, with a notice or without a word, or went down: nobody asked for it. */
  readonly interruption: boolean;
  /** From SIGTERM to the exit, or to the last write where that came later; null when no save was seen. */
  readonly saveMs: number | null;
  /** The save was cut off, so `saveMs` is a lower bound. */
  readonly killed: boolean;
  /** From the exit until everything was durable; null when that was not seen. */
  readonly uploadMs: number | null;
  /** A new checkpoint was written after SIGTERM and became durable. */
  readonly saved: boolean;
}

/** All that was measured in this run. Empty or null is unknown. */
export interface FitObservations {
  readonly usableMs: number;
  readonly saveLimitMs: number;
  /** First to last write of the last regular checkpoints. */
  readonly savesMs: readonly number[];
  /** Last write to durable of the last regular checkpoints. */
  readonly uploadsMs: readonly number[];
  /** So long has the first upload of this machine been under way. */
  readonly uploadingForMs: number | null;
  /** Newest first. */
  readonly stops: readonly EarlierStop[];
  /** Times the scripts of all lives have run together. */
  readonly ranMs: number;
  readonly sizeBytes: number | null;
  readonly intervalsMs: readonly number[];
}

/** Null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
