import type { Candidate } from '../contract/recogniser.ts';
import { missingFrom, type Shape, shapeOf } from './shape.ts';

/** So many steps must have had the same files before that is taken for what a save has. */
const ENOUGH_STEPS = 3;
/** Of so many steps it must be known that they had no more while they were the newest. */
const LAST_STEPS = 16;

/**
 * Learns what files a save has from saves that a later one has followed, where none is ever still for long enough to be
 * published: whoever writes the next step has finished the one before. Only what is seen beside a later step counts, since a
 * save that is gone may have been seen in the middle. A script may thin its old saves out (the weights stay, the
 * optimizer goes): what an old save has left is not what a save has.
 */
export class Succession {
  readonly #steps = new Set<number>();
  /** By step: the files at the last look at which it was the newest. */
  readonly #asNewest = new Map<number, Shape>();
  #key = '';
  #shape: Shape | null = null;

  /** The files that each of the last steps had; null while that is not known, or one of them has been seen with more. */
  get shape(): Shape | null {
    const shape = this.#shape;
    if (shape === null || this.#steps.size < ENOUGH_STEPS) return null;
    const last = Array.from(this.#asNewest.values()).slice(-LAST_STEPS);
    return last.some((had) => missingFrom(shape, had) !== null) ? null : shape;
  }

  /** What this candidate had while it was the newest and has no more; null where it has all of that. */
  lostBy(candidate: Candidate): string | null {
    const had = candidate.step === null ? null : (this.#asNewest.get(candidate.step) ?? null);
    return missingFrom(shapeOf(candidate.files), had);
  }

  note(candidates: readonly Candidate[]): void {
    const newest = newestOf(candidates);
    for (const candidate of candidates) {
      const { files, step } = candidate;
      if (step === null || step >= newest || this.lostBy(candidate) !== null) continue;
      const shape = shapeOf(files);
      const key = JSON.stringify(Array.from(shape).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      if (key !== this.#key) {
        this.#steps.clear();
        this.#key = key;
        this.#shape = shape;
      }
      this.#steps.add(step);
    }
    const present = new Set(candidates.map(({ step }) => step));
    const forgotten = Array.from(this.#asNewest.keys()).slice(0, -LAST_STEPS);
    for (const step of forgotten) if (!present.has(step)) this.#asNewest.delete(step);
    for (const { files, step } of candidates) {
      if (step === null || step !== newest) continue;
      this.#asNewest.delete(step);
      this.#asNewest.set(step, shapeOf(files));
    }
  }
}

function newestOf(candidates: readonly Candidate[]): number {
  return candidates.reduce((highest, { step }) => Math.max(highest, step ?? -1), -1);
}
