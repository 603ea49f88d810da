import type { AttemptPolicy, Drain, StopRequest } from './model.ts';

/** Now, and what the run allows. */
export interface Moment {
  readonly nowMs: number;
  readonly policy: AttemptPolicy;
}

/** The nearer of two times; null is no limit. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** Out of a short window the reserves take only a share, so that the workload is left the greater part. */
function reserves(
  haltAtMs: number,
  { nowMs, policy }: Moment,
): { readonly flushMs: number; readonly reportMs: number } {
  const windowMs = Math.max(0, haltAtMs - nowMs);
  return {
    flushMs: Math.min(policy.flushReserveMs, windowMs / 4),
    reportMs: Math.min(policy.reportReserveMs, windowMs / 8),
  };
}

/** Computes when a workload that is told to stop now has had its time. */
export function killTime(request: StopRequest, moment: Moment): number {
  const graceEnd = request.graceMs === null ? Number.POSITIVE_INFINITY : moment.nowMs + request.graceMs;
  if (request.haltAtMs === null) return graceEnd;
  const { flushMs, reportMs } = reserves(request.haltAtMs, moment);
  return Math.max(moment.nowMs, Math.min(graceEnd, request.haltAtMs - flushMs - reportMs));
}

/** Computes when saving must be over; without `haltAtMs`, should nothing move from now on. */
export function flushTime(haltAtMs: number | null, moment: Moment): number {
  if (haltAtMs === null) return moment.nowMs + moment.policy.stalledFlushMs;
  return Math.max(moment.nowMs, haltAtMs - reserves(haltAtMs, moment).reportMs);
}

/** A process that survives SIGKILL (it hangs in the kernel) may not eat the time in which its files could be saved. */
export function giveUpTime(state: Drain, { policy }: Moment): number {
  const waited = state.killAtMs + policy.afterKillMs;
  return state.haltAtMs === null ? waited : Math.min(waited, (state.killAtMs + state.haltAtMs) / 2);
}
