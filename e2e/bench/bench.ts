/** One line of a benchmark's table. `ours` and `peer` are for people, with units; `ratio` is ours / peer where there is a peer. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly peer: string | null;
  readonly ratio: number | null;
  readonly goal: string;
  readonly met: boolean;
}

export interface BenchResult {
  readonly rows: readonly Row[];
  /** Everything that was measured, kept beside the table. */
  readonly raw: unknown;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  run(progress: (text: string) => void, options: BenchOptions): Promise<BenchResult>;
}

/** For a quicker look than the sizes give; a benchmark without sizes of its own ignores them. */
export interface BenchOptions {
  /** Of the file that is moved; null: the benchmark's own. */
  readonly sizeMiB: number | null;
  readonly rounds: number | null;
}

/** The value below which the share `q` (0 to 1) of the sorted samples lies. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);
