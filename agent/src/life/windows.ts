import type { RunSpec } from '@runctl/protocol';
import type { AttemptPolicy } from '../lifecycle/model.ts';

/** Windows that are no notice's are shares of one, so that a rehearsal scales them too. */
export const userStopGraceMs = (noticeMs: number): number => noticeMs * 0.75;
export const shutdownWindowMs = (noticeMs: number): number => noticeMs / 4;

/** Five minutes: longer than a permission that was just given takes to count everywhere (IAM is eventually consistent). */
export const refusedMs = (noticeMs: number): number => noticeMs * 2.5;

export function attemptPolicy({ flushReserveMs, noticeMs, reportReserveMs }: RunSpec['timing']): AttemptPolicy {
  return {
    flushReserveMs,
    reportReserveMs,
    unhurriedFlushMs: noticeMs * 8,
    unhurriedReportMs: noticeMs / 2,
    afterKillMs: Math.min(5000, noticeMs / 10),
  };
}
