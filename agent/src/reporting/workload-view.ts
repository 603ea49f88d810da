import type { WorkloadTraits } from '../workload/supervisor/supervisor.ts';

/** After its first sign of life a script may take so long to set a handler for SIGTERM. */
const SETS_HANDLER_WITHIN_MS = 5000;

/** What the workload is like. The view outlives the workload: the next life of a script will be like the last. */
export class WorkloadView {
  #look: () => WorkloadTraits | null = () => null;
  #lastTraits: WorkloadTraits | null = null;
  #aliveSinceMs: number | null = null;

  /** A workload runs, which `look` looks at. */
  runs(look: () => WorkloadTraits | null): void {
    this.#look = look;
    this.#aliveSinceMs = null;
  }

  /** The workload has ended. */
  ended(): void {
    this.#look = () => null;
  }

  /** The workload was told to stop, and what it does with its handlers from now on says nothing. `couldSave` as in `StopProgress`. */
  toldToStop(couldSave: boolean | null): void {
    this.ended();
    if (this.#lastTraits === null || couldSave === null) return;
    if (couldSave || this.#aliveSinceMs !== null) this.#lastTraits = { ...this.#lastTraits, catchesTerm: couldSave };
  }

  /** Looks at the workload, if one runs. Once it `isAlive`, that it catches no SIGTERM is believed after a while. Null before one runs. */
  look(nowMs: number, isAlive: boolean): WorkloadTraits | null {
    const traits = this.#look();
    if (traits === null) return this.#lastTraits;
    if (isAlive) this.#aliveSinceMs ??= nowMs;
    const isSettled = this.#aliveSinceMs !== null && nowMs - this.#aliveSinceMs >= SETS_HANDLER_WITHIN_MS;
    const catchesTerm =
      traits.catchesTerm === false && !isSettled ? (this.#lastTraits?.catchesTerm ?? null) : traits.catchesTerm;
    this.#lastTraits = { ...traits, catchesTerm };
    return this.#lastTraits;
  }
}
