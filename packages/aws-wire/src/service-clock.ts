import type { Clock } from '@runctl/core';

/** AWS refuses a signature that is more than 15 minutes off; a difference above this explains a refusal. */
const SKEW_LIMIT_MS = 5 * 60_000;

/**
 * The wall clock by which one service's requests are signed. It begins as this machine's and is corrected by the service's
 * answers, so that a machine with a wrong date can sign.
 */
export class ServiceClock implements Pick<Clock, 'wallMs'> {
  readonly #clock: Pick<Clock, 'wallMs'>;
  #offsetMs = 0;

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
  }

  /** The service's time, as far as its answers have told it. */
  wallMs(): number {
    return this.#clock.wallMs() + this.#offsetMs;
  }

  /** Takes the service's time from the `Date` of an answer that has just arrived. */
  correct(serverTimeMs: number): void {
    this.#offsetMs = serverTimeMs - this.#clock.wallMs();
  }
}

/**
 * Whether a refused request may have been refused for its date: the service's time is far from the time it was signed with.
 * False where the answer had no `Date`. Callers compare with the time of signing and not with the clock of now, which the
 * answer to a parallel request may have corrected.
 */
export function isSkewed(serverTimeMs: number | null, signedAtMs: number): boolean {
  return serverTimeMs !== null && Math.abs(serverTimeMs - signedAtMs) > SKEW_LIMIT_MS;
}
