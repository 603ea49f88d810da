import type { Timing } from '@runctl/protocol';
import { costUsd } from '../reporting/cost.ts';
import type { LifeContext } from './attempt-context.ts';

type Parts = Pick<LifeContext, 'facts' | 'journal' | 'life' | 'stops'> & {
  readonly ports: Pick<LifeContext['ports'], 'clock'>;
};

/** Limits of money and time: each becomes a stop, once. */
export class Limits {
  readonly #parts: Parts;
  #budgetUsd: number | null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#budgetUsd = parts.facts.spec.policy.budgetUsd;
  }

  get budgetUsd(): number | null {
    return this.#budgetUsd;
  }

  changeBudget(budgetUsd: number | null): void {
    this.#budgetUsd = budgetUsd;
    this.#parts.life.touch();
  }

  /** By this attempt and those before it; null where there is no attempt, or no price. */
  spentUsd(): number | null {
    const { facts, journal, ports } = this.#parts;
    const { attempt } = journal.state;
    if (attempt === null) return null;
    const own = costUsd(facts.pricePerHourUsd, ports.clock.wallMs() - Date.parse(attempt.paidSince));
    return own === null ? null : own + attempt.earlierSpentUsd;
  }

  /** Looks with every heartbeat's period, since both limits move slowly, until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { facts, ports, stops } = this.#parts;
    const { heartbeatMs, userStopGraceMs: graceMs } = facts.spec.timing;
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
      await ports.clock.sleep(heartbeatMs, signal).catch(() => {});
    }
  }

  #isSpent(): boolean {
    const spentUsd = this.spentUsd();
    return this.#budgetUsd !== null && spentUsd !== null && spentUsd >= this.#budgetUsd;
  }

  /** Null while the launch's end is further away than its margin. */
  #haltAtMs(): number | null {
    const { facts, ports } = this.#parts;
    const { timing } = facts.spec;
    if (facts.intent === null) return null;
    const leftMs = Date.parse(facts.intent.validUntil) - ports.clock.wallMs();
    if (leftMs > timing.validityMarginMs) return null;
    return ports.clock.monotonicMs() + haltInMs(leftMs - timing.unhurriedReportMs, timing);
  }
}

/**
 * When a launch whose validity ends in `leftMs` halts its attempt. A machine that lives past that time has a wall clock that
 * is wrong, or a longer life than it was told of: its workload gets the time of any other stop.
 */
function haltInMs(leftMs: number, { userStopGraceMs, flushReserveMs, reportReserveMs }: Timing): number {
  return Math.max(leftMs, userStopGraceMs + flushReserveMs + reportReserveMs);
}
