import type { ContentHashes } from '@runctl/store';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import type { StructureFinding } from '../formats/structure.ts';
import { fingerprintOf, type ScannedFolder } from './scan.ts';

/**
 * What the looks at a checkpoint folder have shown of one path and of the file that is there. A look lists the folder;
 * a pass, here, is a look after which `FolderSightings.noteWriters` has checked which files are open for writing.
 * Times are monotonic unless said otherwise.
 */
export interface Sighting {
  readonly file: FileSeen;
  readonly fingerprint: string;
  /** False when the last look did not find the path any more. */
  readonly present: boolean;
  /** It has a temporary name, or is in a folder that is marked as incomplete: it is part of no checkpoint yet. */
  readonly unfinished: boolean;
  /** When this version of the path, as its fingerprint shows it, was first seen. */
  readonly sinceMs: number;
  /** The path has had another version before this one. */
  readonly changed: boolean;
  /** This version was found whole, and no process had it open for writing (see `finished`). */
  readonly finished: boolean;
  /** When the last two finished versions before this one were first seen, the older first. */
  readonly finishedBefore: readonly number[];
  /** When the file, under whatever name, last changed or appeared. */
  readonly contentSinceMs: number;
  /** The file, under whatever name, has grown or appeared since the first look. */
  readonly grew: boolean;
  /** The version that the last pass found closed (no process had it open for writing); null when it found none. */
  readonly closed: SeenClosed | null;
  /** The path appeared between two passes and has not changed since it was seen closed: its content is of one save. */
  readonly arrived: boolean;
  /** A pass has checked the path already, so that it can't count as one that appeared later. */
  readonly inPass: boolean;
  /** The hashes of this version of the file, under whatever name; null until its bytes were read. Filled in place. */
  readonly content: { hashes: ContentHashes | null };
  /** What the format that the name stands for says of this version; null until it was read. Filled in place. */
  readonly structure: { finding: StructureFinding | null };
}

export interface SeenClosed {
  readonly fingerprint: string;
  /** When a pass first found this version closed (wall clock). */
  readonly atMs: number;
}

/** By path. Kept in memory only: a restart of the agent loses them, which costs one settling time. */
export type Sightings = ReadonlyMap<string, Sighting>;

export type SeenFiles = Pick<ScannedFolder, 'files'> & Partial<Pick<ScannedFolder, 'unfinished'>>;

/**
 * The sightings after one more look; `before` is null at the first. A path that is gone stays, with `present: false`,
 * until the next pass drops it. Pure.
 */
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

/** The sighting of a file that was looked at only once, unchanged since `sinceMs`. */
export function firstSeen(file: FileSeen, sinceMs: number): Sighting {
  return newAtPath(ofFile(undefined, file, { nowMs: sinceMs, first: true }), sinceMs);
}

/** Compares the time of birth too, since the inode of a deleted file is given to another one. */
function isSameFile(before: FileSeen, now: FileSeen): boolean {
  return before.inode === now.inode && before.bornMs === now.bornMs;
}

/** Whether the sighting can be kept as it is, which spares most looks a new object for most files. */
function isUnchanged(before: FileSeen, now: FileSeen): boolean {
  const sameContent = before.sizeBytes === now.sizeBytes && before.mtimeMs === now.mtimeMs;
  return sameContent && isSameFile(before, now) && before.ctimeMs === now.ctimeMs && before.mode === now.mode;
}

type FileFacts = Pick<Sighting, 'file' | 'fingerprint' | 'contentSinceMs' | 'grew' | 'content'> & {
  readonly unfinished?: boolean;
};

/** The facts that stay with a file when it is renamed, as a file that grows under a temporary name is in the end. */
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

/** The facts that stay with a path when another file takes its place, beside those of the file. */
function atPath(before: Sighting | undefined, facts: FileFacts, nowMs: number): Sighting {
  if (before === undefined) return newAtPath(facts, nowMs);
  const { arrived, closed, inPass } = before;
  const kept = { ...newAtPath(facts, nowMs), arrived, closed, inPass };
  // A file that can be part of a checkpoint from now on has to settle like one that has just appeared.
  if (before.unfinished && facts.unfinished !== true) return kept;
  const { changed, finished, finishedBefore, sinceMs, structure } = before;
  if (before.present && before.fingerprint === facts.fingerprint)
    return { ...kept, changed, finished, finishedBefore, sinceMs, structure };
  return { ...kept, changed: true, finishedBefore: finished ? [...finishedBefore, sinceMs].slice(-2) : finishedBefore };
}

/** Marks these files as finished: whole, and not open for writing. Leaves out those that have changed since. */
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

/** When the candidate's files last changed or appeared (monotonic); Infinity when one of them was never seen. */
export function changedMs(sightings: Sightings, { files }: Candidate): number {
  return Math.max(...files.map(({ path }) => sightings.get(path)?.sinceMs ?? Infinity));
}

/**
 * How soon to look again at files that are not complete yet. A look is due once they have been still for `settleMs`,
 * and at growing intervals before that, since no event reports that a file was closed.
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
 * Whether each save of this candidate rewrites this file and no other, so that a new version of it is a whole
 * checkpoint by itself. The proof is a version that follows two finished ones, while no other file changed or appeared
 * from the first of them on. One change alone may be a piece of a save, but a version that follows a finished one
 * belongs to another save. The middle save is therefore known from beginning to end and, in whatever order it wrote
 * its files, it would have written the others too.
 */
export function isSavedAlone(sightings: Sightings, candidate: Candidate, file: FileSeen): boolean {
  const [first, second] = sightings.get(file.path)?.finishedBefore ?? [];
  return first !== undefined && second !== undefined && areOlder(sightings, others(candidate, file), first);
}

/** Whether opening the file may help to prove that it is saved alone: it has changed, and after all the others. */
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
