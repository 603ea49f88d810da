import type { AttemptPhase } from '@runctl/protocol';
import { attemptsOf, lastLaunch, type AttemptRecord, type RunRecord } from './run-record.ts';

/**
 * Where a run stands, derived from what is in the bucket alone.
 *
 * - `launching` the fleet's making was not confirmed · `provisioning` there is a fleet, but no machine has spoken yet
 * - `active` an agent speaks; its phase says what it does · `silent` it should speak, but has not for a while
 * - `recovering` the last life ended by an interruption and the next has not begun
 * - `boot-failing` machines come, but fail before the agent · the rest: how the last launch ended
 */
export type RunState =
  | { readonly kind: 'launching' | 'provisioning' | 'recovering' }
  | { readonly kind: 'boot-failing'; readonly failures: number; readonly reason: string }
  | { readonly kind: 'active'; readonly phase: AttemptPhase; readonly doing: string }
  | { readonly kind: 'silent'; readonly phase: AttemptPhase; readonly silentMs: number }
  | { readonly kind: 'succeeded' | 'failed' | 'stopped'; readonly message: string };

export type RunStateKind = RunState['kind'];

/** This many heartbeats missed make an agent silent. */
const MISSED_HEARTBEATS = 3;

export function runState(record: RunRecord): RunState {
  const launch = lastLaunch(record);
  if (launch === null) return { kind: 'launching' };
  if (launch.outcome !== null) return { kind: launch.outcome.status, message: launch.outcome.message };
  const attempt = attemptsOf(record, launch.launch).at(-1);
  const boots = record.boots.filter((boot) => boot.launch === launch.launch);
  const lastBoot = boots.at(-1);
  if (attempt === undefined) {
    if (lastBoot !== undefined)
      return { kind: 'boot-failing', failures: boots.length, reason: `${lastBoot.stage}: ${lastBoot.message}` };
    return { kind: launch.fleet === null ? 'launching' : 'provisioning' };
  }
  return attemptState(record, attempt);
}

function attemptState(record: RunRecord, attempt: AttemptRecord): RunState {
  if (attempt.outcome !== null && attempt.status?.document.phase !== 'backoff') return { kind: 'recovering' };
  if (attempt.status === null) return { kind: 'active', phase: 'preparing', doing: 'starting' };
  const { phase, doing } = attempt.status.document;
  const silentMs = attempt.status.ageMs;
  const limitMs = Math.max(MISSED_HEARTBEATS * record.spec.timing.heartbeatMs, 5000);
  return silentMs > limitMs ? { kind: 'silent', phase, silentMs } : { kind: 'active', phase, doing };
}

export function hasEnded(state: RunState): boolean {
  return state.kind === 'succeeded' || state.kind === 'failed' || state.kind === 'stopped';
}
