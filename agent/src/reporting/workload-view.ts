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
    // Whoever ignores it may watch the preempt file.
    const isTold = couldSave || (this.#aliveSinceMs !== null && !this.#lastTraits.ignoresTerm);
    if (isTold) this.#lastTraits = { ...this.#lastTraits, catchesTerm: couldSave, ignoresTerm: false };
  }

  /**
   * Looks at the workload, if one runs. Once it `isAlive`, that it catches no SIGTERM, or ignores it, is believed after a while.
   * Null before one runs.
   */
  look(nowMs: number, isAlive: boolean): WorkloadTraits | null {
    const traits = this.#look();
    if (traits === null) return this.#lastTraits;
    if (isAlive) this.#aliveSinceMs ??= nowMs;
    const isSettled = this.#aliveSinceMs !== null && nowMs - this.#aliveSinceMs >= SETS_HANDLER_WITHIN_MS;
    const { catchesTerm, ignoresTerm } = this.#lastTraits ?? { catchesTerm: null, ignoresTerm: false };
    this.#lastTraits = isSettled || traits.catchesTerm === true ? traits : { ...traits, catchesTerm, ignoresTerm };
    return this.#lastTraits;
  }
}
