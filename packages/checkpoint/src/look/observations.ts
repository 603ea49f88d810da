import type { Candidate, FileSeen, FolderTree } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';

/** What several looks at one file have shown. Times are monotonic. */
interface Observation {
  readonly fingerprint: string;
  /** Since when it has looked as it does now. */
  readonly sinceMs: number;
  /** Whether it has changed since it appeared. */
  readonly changed: boolean;
  /** As it looks now it was found whole, and nobody had it open for writing. */
  readonly finished: boolean;
  /** When the last two finished versions before this one appeared, the older first. */
  readonly finishedBefore: readonly number[];
}

/** By path. Forgotten when the agent restarts, which costs one settling time. */
export type Observations = ReadonlyMap<string, Observation>;

export function observe(before: Observations, tree: FolderTree, nowMs: number): Observations {
  return new Map(tree.files.map((file) => [file.path, observeFile(before.get(file.path), file, nowMs)]));
}

/** A file as one look finds it that knows nothing of others before it. */
export function firstSeen(file: FileSeen, sinceMs: number): Observation {
  return { fingerprint: fingerprintOf(file), sinceMs, changed: false, finished: false, finishedBefore: [] };
}

function observeFile(before: Observation | undefined, file: FileSeen, nowMs: number): Observation {
  if (before === undefined) return firstSeen(file, nowMs);
  if (before.fingerprint === fingerprintOf(file)) return before;
  const finishedBefore = before.finished ? [...before.finishedBefore, before.sinceMs].slice(-2) : before.finishedBefore;
  return { ...firstSeen(file, nowMs), changed: true, finishedBefore };
}

/** These files, as they were seen, were found whole and with nobody writing to them. */
export function finished(before: Observations, files: readonly FileSeen[]): Observations {
  const after = new Map(before);
  for (const file of files) {
    const known = after.get(file.path);
    if (known?.fingerprint === fingerprintOf(file)) after.set(file.path, { ...known, finished: true });
  }
  return after;
}

/** Whether two looks at least `settleMs` apart, and all between, have found the file the same. */
export function isStill(observations: Observations, file: FileSeen, at: { nowMs: number; settleMs: number }): boolean {
  const seen = observations.get(file.path);
  return seen !== undefined && seen.fingerprint === fingerprintOf(file) && at.nowMs - seen.sinceMs >= at.settleMs;
}

/** When the last of these files was seen to change or appear (monotonic); Infinity where one was not seen. */
export function changedMs(observations: Observations, files: readonly FileSeen[]): number {
  return Math.max(...files.map((file) => observations.get(file.path)?.sinceMs ?? Infinity));
}

/**
 * When to look again at files that don't count yet: once they have been still for `settleMs`, and before that more and more
 * seldom, since closing a file is no event.
 */
export function lookAgainInMs(
  observations: Observations,
  files: readonly FileSeen[],
  { nowMs, settleMs }: { nowMs: number; settleMs: number },
): number {
  const changedMs = Math.max(...files.map((file) => observations.get(file.path)?.sinceMs ?? nowMs));
  const quietMs = nowMs - changedMs;
  const soon = Math.min(Math.max(quietMs / 2, settleMs / 8), settleMs);
  return quietMs < settleMs ? Math.min(soon, settleMs - quietMs) : soon;
}

/**
 * Whether each save of this candidate rewrites this file alone, so that a whole new version of it needs no second file to be
 * a whole checkpoint. It takes three versions, the first two of them finished, and no other file that changed or appeared
 * since before the first. A change that was seen may be a piece of a save, but what follows a finished version is another
 * save; and in whatever order a save writes its files, the one in the middle of three would have written the others too.
 */
export function isSavedAlone(observations: Observations, candidate: Candidate, file: FileSeen): boolean {
  const [first, second] = observations.get(file.path)?.finishedBefore ?? [];
  return first !== undefined && second !== undefined && othersAreOlder(observations, candidate, file, first);
}

/** Whether a look into the file may show that: its newest version is the last thing that happened. */
export function maybeSavedAlone(observations: Observations, candidate: Candidate, file: FileSeen): boolean {
  const seen = observations.get(file.path);
  return seen?.changed === true && othersAreOlder(observations, candidate, file, seen.sinceMs);
}

function othersAreOlder(observations: Observations, { files }: Candidate, file: FileSeen, thanMs: number): boolean {
  const others = files.filter((other) => other.path !== file.path);
  return others.every((other) => (observations.get(other.path)?.sinceMs ?? Infinity) < thanMs);
}
