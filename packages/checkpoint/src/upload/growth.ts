import { shapeOf } from '../look/shape.ts';
import { isSideFile, stepInName, topEntryOf } from '../look/names.ts';
import type { FileSeen, FolderTree } from '../contract/recogniser.ts';
import { fingerprintOf } from '../look/scan.ts';
import { likelyFinalPath } from './likely-name.ts';

/** What several looks at a file have shown of its growing. Times are monotonic. */
export interface Growth {
  readonly seen: FileSeen;
  readonly changedMs: number;
  /** It has grown, or appeared, since the first look. */
  readonly grew: boolean;
}

/** By inode, since what grows under a temporary name is renamed in the end. Null before the first look. */
export type Growths = ReadonlyMap<string, Growth>;

export function observeGrowth(before: Growths | null, tree: FolderTree, nowMs: number): Growths {
  return new Map(
    tree.files.map((seen) => {
      const known = before?.get(seen.inode);
      if (known === undefined) return [seen.inode, { seen, changedMs: nowMs, grew: before !== null }];
      const changed = fingerprintOf(known.seen) !== fingerprintOf(seen);
      const grew = known.grew || seen.sizeBytes > known.seen.sizeBytes;
      return [seen.inode, { seen, changedMs: changed ? nowMs : known.changedMs, grew }];
    }),
  );
}

export interface GrowthLimits {
  /** Smaller files are sent when they are complete. */
  readonly leastBytes: number;
  /** A file that has not changed for longer is left to the passes. */
  readonly freshMs: number;
  /** Uploads of files that are growing, at once. */
  readonly mostGrowing: number;
  /** Files like one of which so many in a row became part of no checkpoint are left to the passes. */
  readonly mostWasted: number;
}

export interface GrowthFacts {
  readonly nowMs: number;
  /** Inodes on their way already. */
  readonly uploading: ReadonlySet<string>;
  /** Fingerprints that are durable. */
  readonly durable: ReadonlySet<string>;
  /** By `kindOf`. */
  readonly wasted: ReadonlyMap<string, number>;
}

/**
 * Files to begin with before they are complete, newest first: large, growing lately, and none of those that were sent in
 * vain before. What is sent for nothing is bounded by `mostGrowing` and `mostWasted`.
 */
export function chooseGrowing(growths: Growths, facts: GrowthFacts, limits: GrowthLimits): readonly FileSeen[] {
  const isFresh = ({ changedMs }: Growth): boolean => facts.nowMs - changedMs <= limits.freshMs;
  const all = Array.from(growths.values());
  const under = all.filter((growth) => isFresh(growth) && facts.uploading.has(growth.seen.inode)).length;
  return all
    .filter(({ seen, grew }) => grew && seen.sizeBytes >= limits.leastBytes && !isSideFile(seen.path))
    .filter((growth) => isFresh(growth) && !facts.uploading.has(growth.seen.inode))
    .filter(({ seen }) => !facts.durable.has(fingerprintOf(seen)))
    .filter(({ seen }) => (facts.wasted.get(kindOf(seen.path)) ?? 0) < limits.mostWasted)
    .sort((a, b) => b.changedMs - a.changedMs || b.seen.mtimeMs - a.seen.mtimeMs)
    .slice(0, Math.max(0, limits.mostGrowing - under))
    .map(({ seen }) => seen);
}

/** What files of several checkpoints that are the same but for their step have in common. */
export function kindOf(path: string): string {
  return [...shapeOf([{ path: likelyFinalPath(path) }]).keys()].join();
}

/** Step of the checkpoint that a file will most likely belong to. */
export function likelyStep(path: string): number | null {
  return stepInName(topEntryOf(likelyFinalPath(path)));
}
