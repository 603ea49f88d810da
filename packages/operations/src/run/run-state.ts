import { launchStatuses, stoppingText, type AttemptStatus, type LaunchOutcome } from '@runctl/protocol';
import { launchOf, type AttemptRecord, type LaunchRecord, type RunRecord } from './run-record.ts';

/**
 * Where a run stands, derived from what is in the bucket alone.
 *
 * - `launching` the provider has not confirmed · `provisioning` the provider has the order, but no machine has spoken yet
 * - `active` an agent speaks; its phase says what it does · `silent` it should speak, but has not for a while
 * - `recovering` the last life ended by an interruption and the next has not begun
 * - `boot-failing` machines come, but fail before the agent · the other kinds: how the last launch ended, `ended`
 *   with a status that this build does not know
 * - `older` the run has documents of an older format
 */
export type RunState =
  | { readonly kind: 'launching' | 'provisioning' | 'recovering' }
  | { readonly kind: 'boot-failing'; readonly failures: number; readonly reason: string }
  | { readonly kind: 'active'; readonly phase: AttemptStatus['phase']; readonly doing: string }
  | { readonly kind: 'silent'; readonly phase: AttemptStatus['phase']; readonly silentMs: number }
  | { readonly kind: 'succeeded' | 'failed' | 'stopped'; readonly message: string }
  | { readonly kind: 'ended'; readonly status: string; readonly message: string }
  /** An older runctl launched it, whose documents this one does not read. */
  | { readonly kind: 'older' };

/** This many heartbeats missed make an agent silent. */
const MISSED_HEARTBEATS = 3;

/** What the state is derived from: a whole record, or only the newest parts of one. */
export interface StateFacts {
  readonly launches: readonly Pick<LaunchRecord, 'launch' | 'machines' | 'outcome'>[];
  readonly attempts: readonly AttemptRecord[];
  readonly boots: RunRecord['boots'];
  readonly heartbeatMs: number;
}

export function stateOf(record: RunRecord): RunState {
  return runState({ ...record, heartbeatMs: record.spec.timing.heartbeatMs });
}

export function runState(facts: StateFacts): RunState {
  const launch = facts.launches.at(-1) ?? null;
  if (launch === null) return { kind: 'launching' };
  if (launch.outcome !== null) return endState(launch.outcome);
  const attempt = facts.attempts.filter((other) => launchOf(other) === launch.launch).at(-1);
  const boots = facts.boots.filter((boot) => boot.launch === launch.launch);
  const lastBoot = boots.at(-1);
  if (attempt === undefined) {
    if (lastBoot !== undefined)
      return { kind: 'boot-failing', failures: boots.length, reason: `${lastBoot.stage}: ${lastBoot.message}` };
    return { kind: launch.machines === null ? 'launching' : 'provisioning' };
  }
  return attemptState(attempt, facts.heartbeatMs);
}

function endState({ status, message }: LaunchOutcome): RunState {
  const known = launchStatuses.find((other) => other === status);
  return known === undefined ? { kind: 'ended', status, message } : { kind: known, message };
}

function attemptState(attempt: AttemptRecord, heartbeatMs: number): RunState {
  if (attempt.outcome !== null && attempt.status?.document.phase !== 'backoff') return { kind: 'recovering' };
  if (attempt.status === null) return { kind: 'active', phase: 'preparing', doing: 'starting' };
  const { phase, stopping, at } = attempt.status.document;
  const doing = stopping === null ? attempt.status.document.doing : stoppingText(stopping, Date.parse(at));
  const silentMs = attempt.status.ageMs;
  const limitMs = Math.max(MISSED_HEARTBEATS * heartbeatMs, 5000);
  return silentMs > limitMs ? { kind: 'silent', phase, silentMs } : { kind: 'active', phase, doing };
}

export function hasEnded(state: RunState): boolean {
  return ['succeeded', 'failed', 'stopped', 'ended'].includes(state.kind);
}
