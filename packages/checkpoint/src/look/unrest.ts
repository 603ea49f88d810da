import type { FileSeen } from '../contract/recogniser.ts';
import { isWeightsName } from '../formats/file-kinds.ts';
import { type MovementFacts, PATIENCE } from './movement.ts';
import type { Sighting } from './sightings.ts';

interface Unresting {
  /** The version that was seen last. */
  readonly file: FileSeen;
  readonly sinceMs: number;
  /** When the first of the versions was seen that followed one another without a rest. */
  readonly fromMs: number;
  /** How many of them were no growth of the one before. */
  readonly rewrites: number;
}

/** Remembers which files are rewritten again and again, so that waiting until they are still would never end. */
export class Unrest {
  #files: ReadonlyMap<string, Unresting> = new Map();

  /** Notes what a look has found while the workload runs. */
  note({ sightings, nowMs, settleMs }: Pick<MovementFacts, 'sightings' | 'nowMs' | 'settleMs'>): void {
    const files = new Map<string, Unresting>();
    const restMs = settleMs * PATIENCE.stepless;
    for (const [path, sighting] of sightings)
      if (sighting.present && nowMs - sighting.sinceMs < restMs)
        files.set(path, follow(this.#files.get(path), sighting, restMs));
    this.#files = files;
  }

  /**
   * Whether the file has had no rest for long: one that bears weights for as long as a save may take and not by its growth
   * alone, since a large one grows for minutes.
   */
  isRestless(path: string, { settleMs }: Pick<MovementFacts, 'settleMs'>): boolean {
    const known = this.#files.get(path);
    if (known === undefined) return false;
    const isWeights = isWeightsName(path);
    if (isWeights && known.rewrites < 2) return false;
    return known.sinceMs - known.fromMs >= settleMs * (isWeights ? PATIENCE.stepped : PATIENCE.stepless);
  }
}

function follow(before: Unresting | undefined, { file, sinceMs }: Sighting, restMs: number): Unresting {
  if (before === undefined || sinceMs - before.sinceMs >= restMs)
    return { file, sinceMs, fromMs: sinceMs, rewrites: 0 };
  const hasGrown = before.file.inode === file.inode && file.sizeBytes > before.file.sizeBytes;
  return { ...before, file, sinceMs, rewrites: before.rewrites + (before.sinceMs === sinceMs || hasGrown ? 0 : 1) };
}
