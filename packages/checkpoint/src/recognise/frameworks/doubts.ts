import type { Doubt, FileSeen } from '../../contract/recogniser.ts';

const MORE_MAY_COME_MS = 60_000;
const OVERWRITTEN_MS = 15 * 60_000;

/** The files would be a whole checkpoint of one kind and are the beginning of another. */
export function moreMayCome(why: string): Doubt {
  return { why, stillMs: MORE_MAY_COME_MS, shapeSettles: true };
}

/** Some processes write after the one that writes the marker. Only a kill makes that matter. */
export function othersMayBeWriting(why: string): Doubt {
  return { why, stillMs: 0, shapeSettles: true };
}

/**
 * A file that is newer than the marker written after it: a save into the same folder that has not reached its marker, or a
 * copy that kept no times. Time alone tells them apart.
 */
export function newerThan(marker: FileSeen, files: readonly FileSeen[]): Doubt | null {
  const newer = files.find((file) => file.path !== marker.path && file.mtimeMs > marker.mtimeMs);
  if (newer === undefined) return null;
  const why = `${newer.path} is newer than ${marker.path}, which is written after it: it may be in the middle of being overwritten`;
  return { why, stillMs: OVERWRITTEN_MS, shapeSettles: false };
}
