import type { Timing } from '@runctl/protocol';
import type { AttemptPolicy } from './model.ts';

/** `graceMs`: the user's own time for a script that is told to stop; null where the usual one counts. */
export function attemptPolicy(timing: Timing, graceMs: number | null): AttemptPolicy {
  return {
    flushReserveMs: timing.flushReserveMs,
    reportReserveMs: timing.reportReserveMs,
    stalledFlushMs: timing.stalledFlushMs,
    unhurriedReportMs: timing.unhurriedReportMs,
    doneGraceMs: graceMs ?? timing.doneGraceMs,
    doneKillMs: timing.doneKillMs,
    afterKillMs: timing.afterKillMs,
  };
}
