import { shapeOf } from '../look/shape.ts';
import { isSideFile, stepInName, topEntryOf } from '../look/names.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import type { Sighting } from '../look/sightings.ts';
import { likelyFinalPath } from './likely-name.ts';

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
  /** By `stepFreeName`. */
  readonly wasted: ReadonlyMap<string, number>;
}

/**
 * Files to begin with before they are complete, newest first: large, growing lately, and none of those that were sent in
 * vain before. What is sent for nothing is bounded by `mostGrowing` and `mostWasted`.
 */
export function chooseGrowing(
  sightings: readonly Sighting[],
  facts: GrowthFacts,
  limits: GrowthLimits,
): readonly FileSeen[] {
  const isFresh = ({ contentSinceMs }: Sighting): boolean => facts.nowMs - contentSinceMs <= limits.freshMs;
  const under = sightings.filter((growth) => isFresh(growth) && facts.uploading.has(growth.file.inode)).length;
  return sightings
    .filter(({ file, grew }) => grew && file.sizeBytes >= limits.leastBytes && !isSideFile(file.path))
    .filter((growth) => isFresh(growth) && !facts.uploading.has(growth.file.inode))
    .filter(({ fingerprint }) => !facts.durable.has(fingerprint))
    .filter(({ file }) => (facts.wasted.get(stepFreeName(file.path)) ?? 0) < limits.mostWasted)
    .sort((a, b) => b.contentSinceMs - a.contentSinceMs || b.file.mtimeMs - a.file.mtimeMs)
    .slice(0, Math.max(0, limits.mostGrowing - under))
    .map(({ file }) => file);
}

/** What files of several checkpoints that are the same but for their step have in common. */
export function stepFreeName(path: string): string {
  return [...shapeOf([{ path: likelyFinalPath(path) }]).keys()].join();
}

/** Step of the checkpoint that a file will most likely belong to. */
export function likelyStep(path: string): number | null {
  return stepInName(topEntryOf(likelyFinalPath(path)));
}
