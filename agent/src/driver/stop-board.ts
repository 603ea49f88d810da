import type { Clock } from '@runctl/core';
import type { StopCause } from '@runctl/protocol';
import { earlier } from '../lifecycle/deadlines.ts';
import type { StopRequest } from '../lifecycle/model.ts';

const ENDS: ReadonlySet<StopCause> = new Set(['user-stop', 'budget', 'deadline'] as const);

/**
 * Wishes that the workload stops, whoever has them. They stand until withdrawn, so that an attempt that begins after a
 * wish (after a crash's pause, say) meets it too.
 */
export class StopBoard {
  readonly #clock: Clock;
  #standing: readonly StopRequest[] = [];
  readonly #seenMs = new Map<StopCause, number>();
  readonly #listeners = new Set<(request: StopRequest) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `seenMs`: when it was first known, if that was before now. */
  raise(request: StopRequest, seenMs = this.#clock.monotonicMs()): void {
    if (!this.#seenMs.has(request.cause)) this.#seenMs.set(request.cause, seenMs);
    this.#standing = [...this.#standing, request];
    for (const listener of this.#listeners) listener(request);
  }

  /** Monotonic time at which a stop of this cause was first seen. */
  seenMs(cause: StopCause): number | null {
    return this.#seenMs.get(cause) ?? null;
  }

  get standing(): readonly StopRequest[] {
    return this.#standing;
  }

  /** Why the machine goes away; null while it stays. */
  get interruption(): 'notice' | 'machine-shutdown' | null {
    const causes = this.#standing.map(({ cause }) => cause);
    return causes.find((cause) => cause === 'notice' || cause === 'machine-shutdown') ?? null;
  }

  /** Why the launch is to end, whatever becomes of the machine; null while it goes on. */
  get endOfLaunch(): StopCause | null {
    return this.#standing.find(({ cause }) => ENDS.has(cause))?.cause ?? null;
  }

  /** When the machine goes away by what is known (monotonic); null while it stays. */
  get haltAtMs(): number | null {
    return this.#standing.reduce<number | null>((nearest, { haltAtMs }) => earlier(nearest, haltAtMs), null);
  }

  /** It did not come true after all. */
  withdraw(cause: StopCause): void {
    this.#standing = this.#standing.filter((request) => request.cause !== cause);
    this.#seenMs.delete(cause);
  }

  /** Calls back for every standing request at once, then for every new one. */
  follow(listener: (request: StopRequest) => void): () => void {
    for (const request of this.#standing) listener(request);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
