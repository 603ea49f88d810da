import { existsSync } from 'node:fs';
import type { Ending } from '../lifecycle/model.ts';
import { type AttemptVerdict, verdictOn } from '../recovery/verdict.ts';
import type { LifeContext } from './attempt-context.ts';

type Parts = Pick<LifeContext, 'facts' | 'journal' | 'ports' | 'stops'>;

export interface EndedAttempt {
  readonly ending: Ending;
  /** See `Circumstances`. */
  readonly unsaved: string | null;
  readonly ranMs: number;
}

/** What follows from how the attempt ended, by the run's policy and by what this machine knows of its history. */
export function attemptVerdict(parts: Parts, { ending, unsaved, ranMs }: EndedAttempt): AttemptVerdict {
  const { facts, journal, ports, stops } = parts;
  const { attempt } = journal.state;
  const { maxCrashes, maxInterruptions } = facts.spec.policy;
  const { crashBackoffMs, earlyFailureMs } = facts.spec.timing;
  return verdictOn(ending, {
    done: existsSync(ports.paths.done),
    unsaved,
    interruption: stops.interruption,
    ranMs,
    crashes: attempt?.crashes ?? [],
    earlierCrashes: attempt?.earlierCrashes ?? 0,
    interruptions: attempt?.interruptions ?? 0,
    policy: { maxCrashes, maxInterruptions, crashBackoffMs, earlyFailureMs },
  });
}

/** How long the workload ran until `exitMs` (wall time); 0 where it never started. */
export function ranUntil({ journal }: Pick<Parts, 'journal'>, exitMs: number): number {
  const startedAt = journal.state.attempt?.workload?.startedAt;
  return startedAt === undefined ? 0 : Math.max(0, Math.round(exitMs - Date.parse(startedAt)));
}
