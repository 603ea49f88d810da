import type { CandidateReport } from '@runctl/checkpoint';
import { type Log, messageOf } from '@runctl/core';
import type { DoneSignals } from '../../driver/attempt-driver.ts';
import { type DoneWatchParts, scriptIsDone } from './done-watch.ts';

/** Resolves with whether the outcome of the launch says that the script is done; see `declareDone`. */
export type DeclareDone = (candidates: readonly CandidateReport[], signal: AbortSignal) => Promise<boolean>;

/** Waits for a script that is done, and has the success of the run written down as soon as it is. */
export class DoneScript {
  readonly #parts: DoneWatchParts & { readonly log: Log };
  readonly #declare: DeclareDone;
  #isDecided = false;

  constructor(parts: DoneWatchParts & { readonly log: Log }, declare: DeclareDone) {
    this.#parts = parts;
    this.#declare = declare;
  }

  /** Whether the outcome of the launch says that it has succeeded. */
  get isDecided(): boolean {
    return this.#isDecided;
  }

  /** See `AttemptActions`. The outcome is written behind it: a bucket that is away puts the end of the script off by nothing. */
  async wait({ over, stopped }: DoneSignals): Promise<void> {
    const candidates = await scriptIsDone(this.#parts, AbortSignal.any([stopped, over]));
    // A stop that comes from now on changes nothing.
    this.#declare(candidates, over).then(
      (isDecided) => (this.#isDecided = isDecided),
      (error: unknown) => {
        if (!over.aborted) this.#parts.log.warn({ error: messageOf(error) }, 'that the script is done is not written');
      },
    );
  }
}
