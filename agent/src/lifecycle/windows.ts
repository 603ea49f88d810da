import type { RunSpec } from '@runctl/protocol';
import type { AttemptPolicy } from './model.ts';

/** The windows of an attempt; the user's own time for a script that is told to stop counts before the usual one. */
export function attemptPolicy({ timing, policy }: Pick<RunSpec, 'timing' | 'policy'>): AttemptPolicy {
  return {
    flushReserveMs: timing.flushReserveMs,
    reportReserveMs: timing.reportReserveMs,
    stalledFlushMs: timing.stalledFlushMs,
    unhurriedReportMs: timing.unhurriedReportMs,
    helplessStopMs: timing.userStopGraceMs,
    firstByteMs: timing.firstByteMs,
    savingPauseMs: timing.savingPauseMs,
    longestStopMs: timing.longestStopMs,
    doneGraceMs: policy.graceMs ?? timing.doneGraceMs,
    doneKillMs: timing.doneKillMs,
    afterKillMs: timing.afterKillMs,
  };
}
