import type { StopCause } from '@runctl/protocol';
import type { StopRequest } from '../lifecycle/attempt.ts';

/**
 * Wishes that the workload stops, whoever has them. They stand until withdrawn, so that an attempt that begins after a
 * wish (after a crash's pause, say) meets it too.
 */
export class StopBoard {
  #standing: readonly StopRequest[] = [];
  readonly #listeners = new Set<(request: StopRequest) => void>();

  raise(request: StopRequest): void {
    this.#standing = [...this.#standing, request];
    for (const listener of this.#listeners) listener(request);
  }

  get standing(): readonly StopRequest[] {
    return this.#standing;
  }

  withdraw(cause: StopCause): void {
    this.#standing = this.#standing.filter((request) => request.cause !== cause);
  }

  /** Calls back for every standing request at once, then for every new one. */
  follow(listener: (request: StopRequest) => void): () => void {
    for (const request of this.#standing) listener(request);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
