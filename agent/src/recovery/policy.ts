import { formatDuration } from '@runctl/core';

/** One workload that ended by itself with something else than success, or that could not be started. */
export interface Crash {
  /** What makes two failures the same one: `exit code 7`, `SIGSEGV`, the message of a failed start. */
  readonly failure: string;
  readonly ranMs: number;
  /** Another start on such a machine would fail in the same way. */
  readonly isHopeless?: boolean;
}

export interface RecoveryHistory {
  /** Crashes on this machine, oldest first, the newest included. */
  readonly crashes: readonly Crash[];
  /** Crashes of this launch on earlier machines. */
  readonly earlierCrashes: number;
}

export interface RecoveryPolicy {
  readonly maxCrashes: number;
  readonly crashBackoffMs: number;
  readonly earlyFailureMs: number;
}

export type RecoveryDecision =
  | { readonly kind: 'again'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'give-up'; readonly reason: string };

/** The pause doubles up to this many times the first one. */
const LONGEST_BACKOFF = 64;

/**
 * Decides what to do after a crash. Soon after the start, a hopeless failure is not tried again, nor is the same failure a
 * second time: the script has a mistake then.
 */
export function afterCrash(history: RecoveryHistory, policy: RecoveryPolicy): RecoveryDecision {
  const count = history.earlierCrashes + history.crashes.length;
  const [last, before] = [history.crashes.at(-1), history.crashes.at(-2)];
  if (last === undefined) return { kind: 'again', afterMs: 0, reason: 'nothing has failed' };
  const early = (crash: Crash): boolean => crash.ranMs < policy.earlyFailureMs;
  if (last.isHopeless === true && early(last))
    return { kind: 'give-up', reason: `${last.failure}, ${formatDuration(last.ranMs)} after the start` };
  if (before !== undefined && early(last) && early(before) && last.failure === before.failure)
    return {
      kind: 'give-up',
      reason: `${last.failure} twice in a row, ${formatDuration(last.ranMs)} after the start`,
    };
  if (count > policy.maxCrashes)
    return {
      kind: 'give-up',
      reason: `${last.failure}; ${count === 1 ? 'the run may not crash' : `${count} crashes`}, ${policy.maxCrashes} allowed`,
    };
  const afterMs = pauseAfterMs(count, policy);
  return { kind: 'again', afterMs, reason: `${last.failure}; crash ${count} of ${policy.maxCrashes} allowed` };
}

/** The pause after a launch's crash of this number, counted from 1. */
export function pauseAfterMs(crash: number, { crashBackoffMs }: Pick<RecoveryPolicy, 'crashBackoffMs'>): number {
  return crashBackoffMs * Math.min(LONGEST_BACKOFF, 2 ** (crash - 1));
}
