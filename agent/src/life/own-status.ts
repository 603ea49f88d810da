import type { LeaseKeeper } from '@runctl/checkpoint';
import type { Clock } from '@runctl/core';
import type { AgentStatus, AttemptStatus } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { FitKeeper } from '../fit/fit-keeper.ts';
import type { Journal } from '../journal/journal.ts';
import type { AgentSelf } from '../reporting/document-head.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { ProgressReader } from '../reporting/progress.ts';
import { statusOf, type WaitingFacts, waitingStatusOf } from '../reporting/status.ts';
import type { CurrentAttempt } from './attempt/current-attempt.ts';
import type { Limits } from './limits.ts';

/** The sources of a status, whether or not the agent has an attempt. */
export interface OwnFactsParts {
  readonly self: AgentSelf;
  readonly life: LifeState;
  readonly lease: Pick<LeaseKeeper, 'view'>;
  readonly clock: Clock;
}

/** The sources of what a status says about the attempt. */
export interface AttemptFactsParts {
  readonly journal: Journal;
  readonly progress: Pick<ProgressReader, 'read'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly fit: Pick<FitKeeper, 'estimate'>;
  readonly current: Pick<CurrentAttempt, 'logBytes'>;
}

/** Gathers the status of this agent as of now. */
export class OwnStatus {
  readonly #own: OwnFactsParts;
  readonly #attempt: AttemptFactsParts;
  readonly #limits: Pick<Limits, 'spentUsd' | 'limitUsd'>;

  constructor(own: OwnFactsParts, attempt: AttemptFactsParts, limits: Pick<Limits, 'spentUsd' | 'limitUsd'>) {
    this.#own = own;
    this.#attempt = attempt;
    this.#limits = limits;
  }

  /** The status of the attempt; null before there is one. */
  async ofAttempt(): Promise<AttemptStatus | null> {
    const { checkpoints, current, fit, journal, progress: reader } = this.#attempt;
    const { life } = this.#own;
    const { attempt } = journal.state;
    if (attempt === null) return null;
    const progress = await reader.read();
    const uploads = checkpoints.publisher.uploads();
    life.lastStep = progress.step ?? life.lastStep;
    const facts = this.#facts();
    return statusOf({
      ...facts,
      generation: attempt.generation,
      progress,
      durable: checkpoints.publisher.durable(),
      uploads,
      fit: fit.estimate(facts.nowMs, uploads),
      spentUsd: this.#limits.spentUsd(),
      limitUsd: this.#limits.limitUsd,
      interruptions: attempt.interruptions,
      crashes: attempt.earlierCrashes + attempt.crashes.length,
      logBytes: current.logBytes(),
    });
  }

  /** The status of the attempt, or of an agent that has none yet. */
  async ofAgent(): Promise<AgentStatus> {
    return (await this.ofAttempt()) ?? waitingStatusOf(this.#facts());
  }

  #facts(): WaitingFacts {
    const { clock, lease, life, self } = this.#own;
    return { ...self, nowWallMs: clock.wallMs(), nowMs: clock.monotonicMs(), life, lease: lease.view() };
  }
}
