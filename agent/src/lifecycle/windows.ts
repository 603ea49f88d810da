import type { Timing } from '@runctl/protocol';
import type { AttemptPolicy } from './model.ts';

export function attemptPolicy(timing: Timing): AttemptPolicy {
  return {
    flushReserveMs: timing.flushReserveMs,
    reportReserveMs: timing.reportReserveMs,
    stalledFlushMs: timing.stalledFlushMs,
    unhurriedReportMs: timing.unhurriedReportMs,
    afterKillMs: timing.afterKillMs,
  };
}
