import type { Candidate } from '../contract/recogniser.ts';
import { type Shape, shapeOf } from './shape.ts';

/** So many steps must have had the same files before that is taken for what a save has. */
const ENOUGH_STEPS = 3;

/**
 * Learns what files a save has from saves that a later one has followed, where none is ever still for long enough to be
 * published: whoever writes the next step has finished the one before. Only what is seen beside a later step counts, since a
 * save that is gone may have been seen in the middle.
 */
export class Succession {
  readonly #steps = new Set<number>();
  #key = '';
  #shape: Shape | null = null;

  /** The files that each of the last steps had; null while that is not known. */
  get shape(): Shape | null {
    return this.#steps.size >= ENOUGH_STEPS ? this.#shape : null;
  }

  note(candidates: readonly Candidate[]): void {
    const steps = candidates.map(({ step }) => step).filter((step) => step !== null);
    const newest = steps.reduce((highest, step) => Math.max(highest, step), -1);
    for (const { files, step } of candidates) {
      if (step === null || step >= newest) continue;
      const shape = shapeOf(files);
      const key = JSON.stringify(Array.from(shape).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      if (key !== this.#key) {
        this.#steps.clear();
        this.#key = key;
        this.#shape = shape;
      }
      this.#steps.add(step);
    }
  }
}
