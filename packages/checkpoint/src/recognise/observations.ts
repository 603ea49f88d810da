import type { Candidate, FileSeen, FolderTree } from './recogniser.ts';
import { fingerprintOf } from './scan.ts';

/** What several looks at one file have shown. Times are monotonic. */
interface Observation {
  readonly fingerprint: string;
  /** Since when it has looked as it does now. */
  readonly sinceMs: number;
  /** When it had changed the time before that; null until it has changed twice since it appeared. */
  readonly changedBeforeMs: number | null;
  readonly changes: number;
}

/** By path. Forgotten when the agent restarts, which costs one settling time. */
export type Observations = ReadonlyMap<string, Observation>;

export function observe(before: Observations, tree: FolderTree, nowMs: number): Observations {
  return new Map(tree.files.map((file) => [file.path, observeFile(before.get(file.path), file, nowMs)]));
}

function observeFile(before: Observation | undefined, file: FileSeen, nowMs: number): Observation {
  const fingerprint = fingerprintOf(file);
  if (before === undefined) return { fingerprint, sinceMs: nowMs, changedBeforeMs: null, changes: 0 };
  if (before.fingerprint === fingerprint) return before;
  const changes = before.changes + 1;
  return { fingerprint, sinceMs: nowMs, changedBeforeMs: changes < 2 ? null : before.sinceMs, changes };
}

/** Whether two looks at least `settleMs` apart, and all between, have found the file the same. */
export function isStill(observations: Observations, file: FileSeen, at: { nowMs: number; settleMs: number }): boolean {
  const seen = observations.get(file.path);
  return seen !== undefined && seen.fingerprint === fingerprintOf(file) && at.nowMs - seen.sinceMs >= at.settleMs;
}

/**
 * The file that each save of this candidate rewrites alone: it has changed twice while no other file of the candidate
 * changed or appeared. So a whole new version of it needs no second file to be a whole checkpoint. Null when not shown.
 */
export function fileSavedAlone(observations: Observations, candidate: Candidate): FileSeen | null {
  for (const file of candidate.files) {
    const changedBeforeMs = observations.get(file.path)?.changedBeforeMs ?? null;
    if (changedBeforeMs === null) continue;
    const others = candidate.files.filter((other) => other !== file);
    if (others.every((other) => (observations.get(other.path)?.sinceMs ?? Infinity) < changedBeforeMs)) return file;
  }
  return null;
}
