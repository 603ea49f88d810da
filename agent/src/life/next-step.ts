import type { LeaseKeeper } from '@runctl/checkpoint';
import type { Clock, Log } from '@runctl/core';
import type { Journal } from '../journal/journal.ts';
import type { Supervisor } from '../workload/supervisor/supervisor.ts';
import { insist } from './insist.ts';
import type { StandByOptions } from './stand-by.ts';

/** The next thing to do: train, fail the launch, complete the end of one that is over, or power off as not needed. */
export type Next =
  | { readonly do: 'attempt'; readonly generation: number }
  | { readonly do: 'refuse'; readonly why: string }
  | { readonly do: 'finish' }
  | { readonly do: 'leave' };

export interface NextStepParts {
  readonly journal: Journal;
  readonly lease: Pick<LeaseKeeper, 'resume' | 'acquireUnlessHeld'>;
  readonly supervisor: Pick<Supervisor, 'adopt' | 'signal'>;
  readonly launch: {
    isOver(signal: AbortSignal): Promise<boolean>;
    /** Why this machine must not train, or null. */
    refusal(signal: AbortSignal): Promise<string | null>;
  };
  readonly waits: {
    /** See `standBy`. */
    standBy(options: StandByOptions): Promise<number | 'superfluous' | null>;
    /** See `outliveInterruption`. */
    outlive(untilMs: number, signal: AbortSignal): Promise<void>;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/** Decides what this machine does next, and in which generation. */
export class NextStep {
  readonly #parts: NextStepParts;
  /** True once the machine has outlived an interruption: it then tries for the lease once, and leaves if it loses. */
  #survivor = false;

  constructor(parts: NextStepParts) {
    this.#parts = parts;
  }

  /**
   * Waits for the lease if another machine holds it, and calls `onWait` with each holder that is waited for. Rejects with
   * the signal's reason, and where no repetition helps.
   */
  async decide({ onWait, signal }: StandByOptions): Promise<Next> {
    const { journal, launch, waits } = this.#parts;
    const adopted = journal.state.restUntil === null ? await this.#adoptedGeneration() : null;
    if (adopted !== null) return { do: 'attempt', generation: adopted };
    const { restUntil } = journal.state;
    if (restUntil !== null) {
      await waits.outlive(Date.parse(restUntil), signal);
      this.#survivor = true;
    }
    if (await launch.isOver(signal)) return { do: 'finish' };
    const refusal = await launch.refusal(signal);
    if (refusal !== null) return { do: 'refuse', why: `${refusal}; nothing was trained` };
    const generation = this.#survivor ? await this.#tryLease(signal) : await waits.standBy({ onWait, signal });
    if (generation === 'superfluous') return { do: 'leave' };
    if (generation === null) return this.#survivor ? { do: 'leave' } : { do: 'finish' };
    if (await launch.isOver(signal)) return { do: 'finish' };
    return { do: 'attempt', generation };
  }

  /**
   * The generation of a workload that an earlier agent left running, if the lease is still this machine's; null else. No
   * request comes first, since the network may be down.
   */
  async #adoptedGeneration(): Promise<number | null> {
    const { journal, lease, supervisor } = this.#parts;
    const { attempt } = journal.state;
    if (attempt === null) return null;
    const adopted = await supervisor.adopt();
    const generation = adopted === null ? null : await lease.resume();
    if (generation !== null && generation === attempt.generation) return generation;
    // A workload that no lease covers any more must not run on beside the next one.
    if (adopted !== null) await supervisor.signal('SIGKILL');
    return null;
  }

  async #tryLease(signal: AbortSignal): Promise<number | null> {
    const { clock, lease, log } = this.#parts;
    this.#survivor = false;
    const ask = () => lease.acquireUnlessHeld(signal);
    const generation = await insist('the lease could not be asked for', ask, { clock, log, signal });
    this.#survivor = generation === null;
    return generation;
  }
}
