import { isLeaseHeld } from '@runctl/checkpoint';
import { command, RunctlError } from '@runctl/core';
import type { CapacityState, RentedMachine } from '@runctl/provider';
import { APPEARS_WITHIN_MS, isActive, isLiving } from './liveness.ts';
import { attemptsOf, lastLaunch, type RunRecord } from './run-record.ts';

/**
 * Whether something still happens by itself in a run whose newest launch has not ended. `status`, `resume` and `stop` ask this
 * alone, so that they never contradict each other.
 *
 * - `held` a machine holds the lease · `alive` machines of it live, or more come
 * - `appearing` it was asked for a moment ago, and a provider may not show yet what it has made
 * - `stranded` nothing lives, nothing will come
 */
export type RunStanding = 'held' | 'alive' | 'appearing' | 'stranded';

export interface StandingFacts {
  readonly record: RunRecord;
  /** What the provider says of the newest launch; null when it has none, or none yet. */
  readonly capacity: Pick<CapacityState, 'status'> | null;
  readonly machines: readonly RentedMachine[];
}

/** Pure. Times are the cloud's, as the record's are. */
export function standingOf({ record, capacity, machines }: StandingFacts): RunStanding {
  if (isLeaseHeld(record.lease)) return 'held';
  if (isActive(capacity) || machines.some(isLiving)) return 'alive';
  const launch = lastLaunch(record);
  const isUnknown = capacity === null || capacity.status === 'unknown';
  // One that was seen once, and is not any more, is gone.
  const wasSeen =
    launch !== null &&
    (attemptsOf(record, launch.launch).length > 0 || machines.some((machine) => machine.launch === launch.launch));
  const begunMs = Date.parse(launch?.machines?.at ?? launch?.intent?.at ?? record.spec.createdAt);
  if (isUnknown && !wasSeen && record.readAtMs - begunMs < APPEARS_WITHIN_MS) return 'appearing';
  return 'stranded';
}

/** What who would change an `appearing` launch is told. */
export function beingLaunched(run: string): RunctlError {
  return new RunctlError('run-active', `${run} is being launched, or its launch broke off a moment ago`, {
    hint: ['look with ', command('status', run), '; two minutes after it was asked for, it can be resumed'],
  });
}
