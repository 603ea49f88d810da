import type { RunSpec } from '@runctl/protocol';
import type { AttemptPolicy } from './model.ts';

/** Windows that are no notice's are shares of one, so that a rehearsal scales them too. */
export const userStopGraceMs = (noticeMs: number): number => noticeMs * 0.75;
export const shutdownWindowMs = (noticeMs: number): number => noticeMs / 4;

/** Five minutes: longer than a permission that was just given takes to count everywhere (IAM is eventually consistent). */
export const refusedMs = (noticeMs: number): number => noticeMs * 2.5;

/**
 * Half an hour: a holder that has renewed for as long is no machine on its way out, and who waits for it is paid for
 * nothing. Well behind the two minutes of a notice, in which the wait is worth its money.
 */
export const standbyMs = (noticeMs: number): number => noticeMs * 15;

export function attemptPolicy({ flushReserveMs, noticeMs, reportReserveMs }: RunSpec['timing']): AttemptPolicy {
  return {
    flushReserveMs,
    reportReserveMs,
    unhurriedFlushMs: noticeMs * 8,
    unhurriedReportMs: noticeMs / 2,
    afterKillMs: Math.min(5000, noticeMs / 10),
  };
}
