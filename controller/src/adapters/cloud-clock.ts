import { formatDuration, type Clock } from '@runctl/core';

/** `Date` headers count whole seconds, and an answer takes its time: less than this is no difference. */
const NOISE_MS = 3000;
const WARNED_SKEW_MS = 60_000;

/**
 * This computer's clock, whose wall time is the cloud's as soon as an answer has told it: what limits money, orders runs and
 * says how old something is must not come from a laptop's date.
 */
export class CloudClock implements Clock {
  readonly #own: Clock;
  #offsetMs = 0;
  #hasWarned = false;

  constructor(own: Clock) {
    this.#own = own;
  }

  monotonicMs(): number {
    return this.#own.monotonicMs();
  }

  wallMs(): number {
    return this.#own.wallMs() + this.#offsetMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#own.sleep(ms, signal);
  }

  /** Takes the time of an answer that has just arrived. `tell` is called once, with a difference that a person should know. */
  correct(serverTimeMs: number, tell: (text: string) => void): void {
    const skewMs = this.#own.wallMs() - serverTimeMs;
    if (Math.abs(skewMs + this.#offsetMs) < NOISE_MS) return;
    this.#offsetMs = Math.abs(skewMs) < NOISE_MS ? 0 : -skewMs;
    if (this.#hasWarned || Math.abs(skewMs) < WARNED_SKEW_MS) return;
    this.#hasWarned = true;
    const where = skewMs > 0 ? 'ahead of' : 'behind';
    tell(`this computer's clock is ${formatDuration(Math.abs(skewMs))} ${where} the cloud's, whose time is used`);
  }
}
