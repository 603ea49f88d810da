import type { Candidate } from '../recognise/recogniser.ts';
import { identityOf, type PublishedRecord } from './plan.ts';

const filesOf = (candidate: Candidate): string => identityOf(candidate, [], false).files;

/**
 * Files that were durable before others became it. What is durable and unchanged can't be newer than what became durable
 * after it, whatever its times say: the clock that gave them may have been set back in between.
 */
export class Superseded {
  readonly #files = new Set<string>();
  /** The durable checkpoint was found here before anything was published, so what lies beside it with a lower step is older. */
  #foundInPlace = false;

  passBegins(): void {
    this.#foundInPlace = false;
  }

  has(candidate: Candidate, published: PublishedRecord | null): boolean {
    const files = filesOf(candidate);
    const durableStep = published?.step ?? null;
    if (this.#foundInPlace && candidate.step !== null && durableStep !== null && candidate.step < durableStep)
      this.#files.add(files);
    return this.#files.has(files);
  }

  /** `candidate` is durable now, in place of `before`; `identical` = the bucket had it already. */
  becameDurable(candidate: Candidate, before: PublishedRecord | null, identical: boolean): void {
    const files = before?.identity?.files;
    if (files === undefined) this.#foundInPlace = identical;
    else this.#files.add(files);
    this.#files.delete(filesOf(candidate));
  }
}
