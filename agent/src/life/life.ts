import type { StopBoard } from '../driver/stop-board.ts';
import type { PowerEnd } from '../host/host.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { LaunchEnding } from './departure.ts';
import type { NextStep } from './next-step.ts';
import type { LastVerdict } from './attempt/report-attempt.ts';

/** What becomes of the machine: see `PowerEnd`; `leaving` when it is shutting down anyway. */
export type AgentEnd = PowerEnd | 'leaving';

export interface LifeOptions {
  readonly signal: AbortSignal;
  /** Called, maybe several times, when the agent waits for the lease or trains: bucket and cloud have answered. */
  readonly onReady: () => void;
}

export interface LifeParts {
  readonly next: Pick<NextStep, 'decide'>;
  /** See `liveGeneration`. */
  readonly liveGeneration: (generation: number, signal: AbortSignal) => Promise<LastVerdict>;
  /** The ways in which an agent comes to its end here; see their functions. */
  readonly departure: {
    yieldLease(signal: AbortSignal): Promise<boolean>;
    finishLaunch(how: LaunchEnding | null, signal: AbortSignal): Promise<PowerEnd>;
    powerOffSuperfluous(signal: AbortSignal): Promise<PowerEnd>;
  };
  readonly stops: Pick<StopBoard, 'endOfLaunch'>;
  readonly documents: Pick<RunDocuments, 'launchOutcome'>;
}

export interface LifeSurroundings {
  /** Goes on for as long as the agent lives. Never rejects. */
  readonly accompany: (signal: AbortSignal) => Promise<void>;
  /** Calls back when the machine shuts down and nothing is left to save. */
  readonly onShutdown: (leave: () => void) => void;
}

/** Runs an agent once it knows its run: waits for the lease, drives attempts, ends the launch or leaves it. */
export class Life {
  readonly #parts: LifeParts;
  readonly #surroundings: LifeSurroundings;
  readonly #signal: AbortSignal;
  readonly #onReady: () => void;
  readonly #leaving = new AbortController();

  constructor(parts: LifeParts, surroundings: LifeSurroundings, options: LifeOptions) {
    this.#parts = parts;
    this.#surroundings = surroundings;
    this.#signal = AbortSignal.any([options.signal, this.#leaving.signal]);
    this.#onReady = options.onReady;
  }

  /** Resolves once nothing is left to do here. Rejects with the signal's reason, and where no repetition helps. */
  async live(): Promise<AgentEnd> {
    const stop = new AbortController();
    const company = this.#surroundings.accompany(AbortSignal.any([this.#signal, stop.signal]));
    this.#surroundings.onShutdown(() => this.#leaving.abort(new Error('shutting down')));
    try {
      return await this.#untilTheEnd();
    } catch (error) {
      if (this.#leaving.signal.aborted) return 'leaving';
      throw error;
    } finally {
      stop.abort();
      await company;
    }
  }

  async #untilTheEnd(): Promise<AgentEnd> {
    const { departure, liveGeneration, next } = this.#parts;
    const signal = this.#signal;
    for (;;) {
      const step = await next.decide({ onWait: this.#onReady, signal });
      if (step.do === 'finish') return departure.finishLaunch(null, signal);
      if (step.do === 'leave') return departure.powerOffSuperfluous(signal);
      if (step.do === 'refuse')
        return departure.finishLaunch({ status: 'failed', cause: 'spawn-failed', message: step.why }, signal);
      this.#onReady();
      const end = await this.#after(await liveGeneration(step.generation, signal));
      if (end !== 'outlived') return end;
    }
  }

  /** `outlived`: the machine may be spared, and the agent goes on. */
  async #after(verdict: LastVerdict): Promise<AgentEnd | 'outlived'> {
    const { departure, stops } = this.#parts;
    const signal = this.#signal;
    const { message } = verdict;
    if (verdict.next === 'end-launch') {
      const { cause, hiddenFailure, launch: status } = verdict;
      const doubt = hiddenFailure === undefined ? {} : { hiddenFailure };
      return departure.finishLaunch({ status, cause, message, ...doubt }, signal);
    }
    if (verdict.next !== 'yield') return this.#fenced();
    // A launch that is to end anyway needs no successor, which would be paid for until it learned of that.
    const cause = stops.endOfLaunch;
    if (cause !== null) {
      const why = `${message}; no other machine goes on (${cause})`;
      return departure.finishLaunch({ status: 'stopped', cause, message: why }, signal);
    }
    return (await departure.yieldLease(signal)) ? 'leaving' : 'outlived';
  }

  /** Another machine's generation has taken over. If that one has ended the launch, this machine completes the end. */
  async #fenced(): Promise<PowerEnd> {
    const { departure, documents } = this.#parts;
    const outcome = await documents.launchOutcome(this.#signal).catch(() => null);
    if (outcome === null) return departure.powerOffSuperfluous(this.#signal);
    return departure.finishLaunch(null, this.#signal);
  }
}
