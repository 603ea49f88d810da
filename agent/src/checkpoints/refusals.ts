import type { Clock } from '@runctl/core';
import { isStoreError, type StoreError } from '@runctl/store';

/** Whether the bucket refused for a reason that lies with people: permissions, credentials, a bucket that is gone. */
export function isRefusal(error: unknown): error is StoreError {
  return isStoreError(error, 'denied', 'credentials', 'bucket-missing', 'permanent');
}

export interface PatienceOptions {
  readonly clock: Clock;
  /** The first pause; without a deadline they grow to ten times that. */
  readonly pauseMs: number;
  /** Refused without a break for this long, nothing is tried any more. Null: the machine goes away, so there is nothing to win by stopping. */
  readonly giveUpMs: number | null;
}

const LONGEST_PAUSE = 10;

/**
 * When to try again what the bucket did not take. Trouble on the way is left to whoever set the limit for it; a refusal
 * holds until somebody changes something, which may happen in the next minutes and hardly ever does after.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #tries = 0;
  #refused: { readonly sinceMs: number; readonly error: StoreError } | null = null;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Pause before the next try, or null: it is over. `error` null: nothing was asked of the bucket this time. */
  after(error: unknown): number | null {
    const { clock, giveUpMs, pauseMs } = this.#options;
    this.#tries++;
    if (isRefusal(error)) this.#refused = { sinceMs: this.#refused?.sinceMs ?? clock.monotonicMs(), error };
    else if (error !== null) this.#refused = null;
    if (giveUpMs === null) return pauseMs;
    if (this.#refused !== null && clock.monotonicMs() - this.#refused.sinceMs >= giveUpMs) return null;
    return pauseMs * Math.min(LONGEST_PAUSE, 2 ** (this.#tries - 1));
  }

  /** The last refusal, unless something else came after it. */
  get refusal(): StoreError | null {
    return this.#refused?.error ?? null;
  }
}
