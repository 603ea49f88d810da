import type { Clock } from '@runctl/core';
import type { LaunchIntent, RunSpec, Timing } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { StopBoard } from '../driver/stop-board.ts';
import type { FitKeeper } from '../fit/fit-keeper.ts';
import type { Journal } from '../journal/journal.ts';
import { costUsd } from '../reporting/cost.ts';
import type { AgentSelf } from '../reporting/document-head.ts';
import type { LifeState } from '../reporting/life-state.ts';

export interface LimitsParts {
  readonly learned: {
    readonly spec: Pick<RunSpec, 'policy' | 'timing'>;
    readonly intent: Pick<LaunchIntent, 'validUntil'> | null;
  };
  readonly self: Pick<AgentSelf, 'pricePerHourUsd'>;
  readonly fit: Pick<FitKeeper, 'estimate'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly journal: Pick<Journal, 'state'>;
  readonly stops: Pick<StopBoard, 'raise'>;
  readonly life: Pick<LifeState, 'touch' | 'warn'>;
  readonly clock: Clock;
}

/**
 * Limits of money and time: each becomes a stop, once, and so early that a last save and its upload, as they were measured
 * in this run, fit before the limit.
 */
export class Limits {
  readonly #parts: LimitsParts;
  #limitUsd: number | null;

  constructor(parts: LimitsParts) {
    this.#parts = parts;
    this.#limitUsd = parts.learned.spec.policy.budgetUsd;
  }

  /** What the run may cost; null = no limit. */
  get limitUsd(): number | null {
    return this.#limitUsd;
  }

  changeBudget(limitUsd: number | null): void {
    this.#limitUsd = limitUsd;
    const { life, self } = this.#parts;
    if (limitUsd !== null && self.pricePerHourUsd === null)
      life.warn("the new budget can't be kept: no price of this machine is known");
    life.touch();
  }

  /** The dollars that this attempt and those before it have cost; null where there is no attempt, or no price. */
  spentUsd(): number | null {
    return this.#spentUsdIn(0);
  }

  #spentUsdIn(ms: number): number | null {
    const { clock, journal, self } = this.#parts;
    const { attempt } = journal.state;
    if (attempt === null) return null;
    const own = costUsd(self.pricePerHourUsd, clock.wallMs() + ms - Date.parse(attempt.paidSince));
    return own === null ? null : own + attempt.earlierSpentUsd;
  }

  /**
   * Time that a last save and its upload take, and the pause until the next look; 0 where nothing was measured. An upload
   * that is under way measures nothing: where the network is gone it lasts as long as that.
   */
  #lastSaveMs(): number {
    const { checkpoints, clock, fit, learned } = this.#parts;
    const { save, upload } = fit.estimate(clock.monotonicMs(), checkpoints.publisher.uploads());
    const uploadMs = upload.from === 'under-way' ? 0 : (upload.ms ?? 0);
    const ms = (save.ms ?? 0) + uploadMs;
    return ms === 0 ? 0 : ms + learned.spec.timing.heartbeatMs;
  }

  /** Looks with every heartbeat's period, since both limits move slowly, until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, learned, stops } = this.#parts;
    const { policy, timing } = learned.spec;
    const { graceMs } = policy;
    const raised = new Set<'budget' | 'deadline'>();
    while (!signal.aborted) {
      if (this.#isSpent() && !raised.has('budget')) {
        raised.add('budget');
        stops.raise({ cause: 'budget', haltAtMs: null, graceMs });
      }
      const haltAtMs = this.#haltAtMs();
      if (haltAtMs !== null && !raised.has('deadline')) {
        raised.add('deadline');
        stops.raise({ cause: 'deadline', haltAtMs, graceMs });
      }
      await clock.sleep(timing.heartbeatMs, signal).catch(() => {});
    }
  }

  #isSpent(): boolean {
    const spentUsd = this.#spentUsdIn(this.#lastSaveMs());
    return this.#limitUsd !== null && spentUsd !== null && spentUsd >= this.#limitUsd;
  }

  /** Null while the launch's end is further away than its margin and the last save. */
  #haltAtMs(): number | null {
    const { clock, learned } = this.#parts;
    const { timing } = learned.spec;
    if (learned.intent === null) return null;
    const remainingMs = Date.parse(learned.intent.validUntil) - clock.wallMs();
    if (remainingMs > timing.validityMarginMs + this.#lastSaveMs()) return null;
    return clock.monotonicMs() + haltInMs(remainingMs - timing.unhurriedReportMs, timing);
  }
}

/**
 * When a launch whose validity ends in `remainingMs` halts its attempt. A machine that lives past that time has a wall clock that
 * is wrong, or a longer life than it was told of: its workload gets the time of any other stop.
 */
function haltInMs(remainingMs: number, { userStopGraceMs, flushReserveMs, reportReserveMs }: Timing): number {
  return Math.max(remainingMs, userStopGraceMs + flushReserveMs + reportReserveMs);
}
