import type { ContentHashes } from '@runctl/store';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import type { StructureFinding } from '../formats/structure.ts';
import { fingerprintOf, type ScannedFolder } from './scan.ts';

/** What several looks have shown of one path and of the file that stands there. Times are monotonic unless said otherwise. */
export interface Sighting {
  readonly file: FileSeen;
  readonly fingerprint: string;
  /** False where the last look did not find it any more. */
  readonly present: boolean;
  /** It bears a temporary name, or stands in a folder that is marked as incomplete: part of no checkpoint yet. */
  readonly unfinished: boolean;
  /** Since when the path has looked as it does now. */
  readonly sinceMs: number;
  /** Whether it has changed since it appeared. */
  readonly changed: boolean;
  /** As it looks now it was found whole, and nobody had it open for writing. */
  readonly finished: boolean;
  /** When the last two finished versions before this one appeared, the older first. */
  readonly finishedBefore: readonly number[];
  /** When the file, under whatever name, last changed or appeared. */
  readonly contentSinceMs: number;
  /** The file, under whatever name, has grown or appeared since the first look. */
  readonly grew: boolean;
  /** How it looked when a pass found nobody writing to it, and when that was known first (wall clock). */
  readonly closed: SeenClosed | null;
  /** It came between two passes, and has never changed after it was seen closed: what it holds is of one save. */
  readonly arrived: boolean;
  /** The last pass has seen it. */
  readonly inPass: boolean;
  /** What was read in the file as it looks now, whatever its name. */
  readonly content: { hashes: ContentHashes | null };
  /** What its format, which its name tells, says of it as it looks now. */
  readonly structure: { finding: StructureFinding | null };
}

export interface SeenClosed {
  readonly fingerprint: string;
  readonly atMs: number;
}

/** By path. Forgotten when the agent restarts, which costs one settling time. */
export type Sightings = ReadonlyMap<string, Sighting>;

export type SeenFiles = Pick<ScannedFolder, 'files'> & Partial<Pick<ScannedFolder, 'unfinished'>>;

/** Sightings after one more look; null before the first. What is gone stays, as not present, until a pass has looked. */
export function observe(before: Sightings | null, tree: SeenFiles, nowMs: number): Sightings {
  let byInode: ReadonlyMap<string, readonly Sighting[]> | null = null;
  const sameFile = (file: FileSeen): Sighting | undefined => {
    byInode ??= Map.groupBy(before?.values() ?? [], (known) => known.file.inode);
    return byInode.get(file.inode)?.find((other) => isSameFile(other.file, file));
  };
  const at = { nowMs, first: before === null };
  const after = new Map<string, Sighting>();
  for (const [files, unfinished] of [
    [tree.files, false],
    [tree.unfinished ?? [], true],
  ] as const)
    for (const file of files) {
      const known = before?.get(file.path);
      if (known?.present === true && known.unfinished === unfinished && isUnchanged(known.file, file))
        after.set(file.path, known);
      else after.set(file.path, atPath(known, { ...ofFile(sameFile(file), file, at), unfinished }, nowMs));
    }
  for (const [path, known] of before ?? [])
    if (!after.has(path)) after.set(path, known.present ? { ...known, present: false } : known);
  return after;
}

/** A file as one look finds it that knows nothing of others before it. */
export function firstSeen(file: FileSeen, sinceMs: number): Sighting {
  return newAtPath(ofFile(undefined, file, { nowMs: sinceMs, first: true }), sinceMs);
}

/** An inode is given to another file once its own is deleted. */
function isSameFile(before: FileSeen, now: FileSeen): boolean {
  return before.inode === now.inode && before.bornMs === now.bornMs;
}

/** Most files of most looks: nothing is made anew for them. */
function isUnchanged(before: FileSeen, now: FileSeen): boolean {
  const sameContent = before.sizeBytes === now.sizeBytes && before.mtimeMs === now.mtimeMs;
  return sameContent && isSameFile(before, now) && before.ctimeMs === now.ctimeMs && before.mode === now.mode;
}

type FileFacts = Pick<Sighting, 'file' | 'fingerprint' | 'contentSinceMs' | 'grew' | 'content'> & {
  readonly unfinished?: boolean;
};

/** What is known of a file whatever its name, since what grows under a temporary one is renamed in the end. */
function ofFile(
  before: Sighting | undefined,
  file: FileSeen,
  { nowMs, first }: { readonly nowMs: number; readonly first: boolean },
): FileFacts {
  const fingerprint = fingerprintOf(file);
  const anew = { contentSinceMs: nowMs, content: { hashes: null } };
  if (before === undefined) return { file, fingerprint, ...anew, grew: !first };
  const { contentSinceMs, content } = before;
  const as = before.fingerprint === fingerprint ? { contentSinceMs, content } : anew;
  return { file, fingerprint, ...as, grew: before.grew || file.sizeBytes > before.file.sizeBytes };
}

function newAtPath(facts: FileFacts, nowMs: number): Sighting {
  const nothing = { changed: false, finished: false, finishedBefore: [], closed: null, arrived: false, inPass: false };
  return { unfinished: false, ...facts, ...nothing, present: true, sinceMs: nowMs, structure: { finding: null } };
}

/** What is known of a path, whatever file stands there. */
function atPath(before: Sighting | undefined, facts: FileFacts, nowMs: number): Sighting {
  if (before === undefined) return newAtPath(facts, nowMs);
  const { arrived, closed, inPass } = before;
  const kept = { ...newAtPath(facts, nowMs), arrived, closed, inPass };
  // Once its name or its folder says that it counts it is looked at as if it had just come.
  if (before.unfinished && facts.unfinished !== true) return kept;
  const { changed, finished, finishedBefore, sinceMs, structure } = before;
  if (before.present && before.fingerprint === facts.fingerprint)
    return { ...kept, changed, finished, finishedBefore, sinceMs, structure };
  return { ...kept, changed: true, finishedBefore: finished ? [...finishedBefore, sinceMs].slice(-2) : finishedBefore };
}

/** These files, as they were seen, were found whole and with nobody writing to them. */
export function finished(before: Sightings, files: readonly FileSeen[]): Sightings {
  const after = new Map(before);
  for (const file of files) {
    const known = after.get(file.path);
    if (known?.fingerprint === fingerprintOf(file)) after.set(file.path, { ...known, finished: true });
  }
  return after;
}

/** Whether two looks at least `settleMs` apart, and all between, have found the file the same. */
export function isStill(sightings: Sightings, file: FileSeen, at: { nowMs: number; settleMs: number }): boolean {
  const seen = sightings.get(file.path);
  return seen !== undefined && seen.fingerprint === fingerprintOf(file) && at.nowMs - seen.sinceMs >= at.settleMs;
}

/** When the last of a candidate's files was seen to change or appear (monotonic); Infinity where one was not seen. */
export function changedMs(sightings: Sightings, { files }: Candidate): number {
  return Math.max(...files.map(({ path }) => sightings.get(path)?.sinceMs ?? Infinity));
}

/**
 * When to look again at files that don't count yet: once they have been still for `settleMs`, and before that more and more
 * seldom, since closing a file is no event.
 */
export function lookAgainInMs(
  sightings: Sightings,
  files: readonly FileSeen[],
  { nowMs, settleMs }: { nowMs: number; settleMs: number },
): number {
  const changedMs = Math.max(...files.map((file) => sightings.get(file.path)?.sinceMs ?? nowMs));
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
export function isSavedAlone(sightings: Sightings, candidate: Candidate, file: FileSeen): boolean {
  const [first, second] = sightings.get(file.path)?.finishedBefore ?? [];
  return first !== undefined && second !== undefined && areOlder(sightings, others(candidate, file), first);
}

/** Whether a look into the file may show that: its newest version is the last thing that happened. */
export function maybeSavedAlone(sightings: Sightings, candidate: Candidate, file: FileSeen): boolean {
  const seen = sightings.get(file.path);
  return seen?.changed === true && areOlder(sightings, others(candidate, file), seen.sinceMs);
}

function others({ files }: Candidate, file: FileSeen): readonly FileSeen[] {
  return files.filter((other) => other.path !== file.path);
}

function areOlder(sightings: Sightings, files: readonly FileSeen[], thanMs: number): boolean {
  return files.every(({ path }) => (sightings.get(path)?.sinceMs ?? Infinity) < thanMs);
}
