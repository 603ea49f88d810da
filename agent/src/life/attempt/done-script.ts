import { type Log, messageOf } from '@runctl/core';
import type { DoneSignals } from '../../driver/attempt-driver.ts';
import { type DoneWatchParts, scriptIsDone } from './done-watch.ts';

/** Waits for a script that is done, and has the success of the run written down as soon as it is. */
export class DoneScript {
  readonly #parts: DoneWatchParts & { readonly log: Log };
  readonly #declare: (signal: AbortSignal) => Promise<boolean>;
  #isDecided = false;

  /** `declare` resolves with whether the outcome of the launch says so; see `declareDone`. */
  constructor(parts: DoneWatchParts & { readonly log: Log }, declare: (signal: AbortSignal) => Promise<boolean>) {
    this.#parts = parts;
    this.#declare = declare;
  }

  /** Whether the outcome of the launch says that it has succeeded. */
  get isDecided(): boolean {
    return this.#isDecided;
  }

  /** See `AttemptActions`. The outcome is written behind it: a bucket that is away puts the end of the script off by nothing. */
  async wait({ over, stopped }: DoneSignals): Promise<void> {
    await scriptIsDone(this.#parts, AbortSignal.any([stopped, over]));
    // A stop that comes from now on changes nothing.
    this.#declare(over).then(
      (isDecided) => (this.#isDecided = isDecided),
      (error: unknown) => {
        if (!over.aborted) this.#parts.log.warn({ error: messageOf(error) }, 'that the script is done is not written');
      },
    );
  }
}
