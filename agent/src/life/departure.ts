import type { LeaseKeeper } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import { type LaunchOutcome, type Timing, timestampOf } from '@runctl/protocol';
import type { StopBoard } from '../driver/stop-board.ts';
import type { Power, PowerEnd } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { Announcer } from './announcer.ts';
import { endLaunch, type EndingOptions } from './end-launch.ts';
import { insist } from './insist.ts';

/** How a launch ends, as far as the verdict tells. */
export type LaunchEnding = Pick<LaunchOutcome, 'status' | 'cause' | 'message' | 'hiddenFailure'>;

export interface YieldParts {
  readonly journal: Journal;
  readonly lease: Pick<LeaseKeeper, 'release'>;
  readonly stops: Pick<StopBoard, 'haltAtMs' | 'standing'>;
  readonly announcer: Pick<Announcer, 'lastBeat'>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'releaseMs' | 'restMs' | 'survivalMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Releases the lease for a successor after an interruption. True when a shutdown waits for this agent to end. */
export async function yieldLease(parts: YieldParts, signal: AbortSignal): Promise<boolean> {
  const { announcer, clock, journal, lease, life, log, stops, timing } = parts;
  const haltMs = Math.min((stops.haltAtMs ?? Number.POSITIVE_INFINITY) - clock.monotonicMs(), timing.restMs);
  // A full disk must not keep this machine from releasing the lease.
  await journal
    .update({ restUntil: timestampOf(clock.wallMs() + Math.max(0, haltMs) + timing.survivalMs) })
    .catch((error: unknown) => log.error({ error: messageOf(error) }, 'journal'));
  await announcer.lastBeat();
  await insist('the lease could not be released', () => lease.release(), {
    clock,
    log,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timing.releaseMs)]),
  }).catch(() => {});
  life.enter('ended', 'waiting for the machine to be taken');
  return stops.standing.some((request) => request.cause === 'machine-shutdown');
}

export interface FinishParts {
  readonly announcer: Pick<Announcer, 'lastBeat'>;
  readonly outcomeOf: (ending: LaunchEnding, signal: AbortSignal) => Promise<LaunchOutcome>;
  readonly life: LifeState;
  readonly ending: Omit<EndingOptions, 'doing' | 'signal'>;
}

/** Ends the launch, see `endLaunch`. `how` is null when the launch has an outcome already. */
export async function finishLaunch(
  { announcer, ending, life, outcomeOf }: FinishParts,
  how: LaunchEnding | null,
  signal: AbortSignal,
): Promise<PowerEnd> {
  await announcer.lastBeat();
  const outcome = how === null ? null : await outcomeOf(how, signal);
  return endLaunch(outcome, { ...ending, doing: (what) => life.enter('ended', what), signal });
}

export interface SuperfluousParts {
  readonly power: Pick<Power, 'doing' | 'off'>;
  readonly life: LifeState;
  readonly clock: Clock;
  readonly log: Log;
}

/** Powers this machine off because another one has the run. What starts machines stays, since the run goes on. */
export function powerOffSuperfluous(
  { clock, life, log, power }: SuperfluousParts,
  signal: AbortSignal,
): Promise<PowerEnd> {
  life.enter('ended', `another machine has the run: ${power.doing}`);
  return insist('the machine could not be powered off', () => power.off(), { clock, log, signal });
}
