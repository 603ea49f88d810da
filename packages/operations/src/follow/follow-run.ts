import type { FollowEvent } from '@runctl/protocol/events';
import { fleetRef } from '../launch/fleet-ref.ts';
import { RunctlError, type Clock } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { createLogReader, type LogReader } from '../log/log-reader.ts';
import { attemptsOf, lastLaunch, type LaunchRecord, type RunRecord } from '../run/run-record.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { LiveFeed } from '../live/open-live.ts';
import { createFleetWatch, type FleetWatch } from './fleet-watch.ts';
import { patiently, readPatiently } from '../log/patience.ts';
import { changes, nothingSeen, type Seen } from './run-changes.ts';

export interface FollowOptions {
  readonly cloud: Cloud;
  readonly run: string;
  /** The newest launch when omitted. */
  readonly launch?: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly withLog: boolean;
  /** Turn a spot fleet that found no machine after this time into an on-demand one; null = stay on spot. */
  readonly onDemandAfterMs?: number | null;
  /** Throw once EC2 said that the fleet will never have a machine. Only whoever launched it may then clean up. */
  readonly failWhenHopeless?: boolean;
  /** What the agent sends by itself; the bucket stays the authority. */
  readonly live?: LiveFeed;
}

/** How a launch ended; null when its fleet vanished and nobody said why. */
export type FollowEnd = LaunchOutcome | null;

const QUICK_POLL_MS = 400;
const SLOW_POLL_MS = 2000;
/** This long after the last news, the next is expected soon. */
const LIVELY_MS = 90_000;
const FLEET_LOOK_MS = 2000;
/** Looks at EC2 become rare once an agent speaks for the machine. */
const SLOW_FLEET_LOOK_MS = 15_000;

/**
 * Watches one launch from the bucket and EC2 until it ends, and returns its outcome. Aborting the signal ends it by
 * throwing the signal's reason; the run goes on.
 */
export async function* followRun(options: FollowOptions): AsyncGenerator<FollowEvent, FollowEnd> {
  const { cloud, run, clock, signal } = options;
  const reader = createRunReader({ store: cloud.store, run, clock });
  let record = await reader.read();
  const launch = options.launch ?? lastLaunch(record)?.launch ?? 1;
  const log = createLogReader({ store: cloud.store, run });
  skipEarlierLives(log, record, launch);
  const fleet = createFleetFollower(options, launch);
  let seen: Seen = nothingSeen;
  let newsMs = clock.monotonicMs();
  for (;;) {
    signal.throwIfAborted();
    const changed = changes(seen, record, launch);
    seen = changed.seen;
    if (changed.events.length > 0) newsMs = clock.monotonicMs();
    const outcome = record.launches.find((other) => other.launch === launch)?.outcome ?? null;
    // The log comes between the news of its life's start and the news of the end.
    yield* changed.events.filter((event) => !isEnding(event));
    if (options.withLog) yield* readPatiently(log, options);
    yield* changed.events.filter(isEnding);
    if (outcome !== null) return outcome;
    for await (const event of fleet.look(record)) {
      newsMs = clock.monotonicMs();
      yield event;
    }
    if (fleet.isGone()) return endWithoutFleet(await reader.read(), launch);
    yield* pause(options, { log, ms: pollMs(record, launch, clock.monotonicMs() - newsMs) });
    record = await patiently(options, () => reader.read());
  }
}

/** The outcome, if it came with the fleet's end. Errors: `boot-failed` when machines came but never got to the agent. */
function endWithoutFleet(record: RunRecord, launch: number): FollowEnd {
  const outcome = record.launches.find((other) => other.launch === launch)?.outcome ?? null;
  const boot = record.boots.filter((other) => other.launch === launch).at(-1);
  if (outcome !== null || boot === undefined || attemptsOf(record, launch).length > 0) return outcome;
  throw new RunctlError(
    'boot-failed',
    `no machine got as far as the agent; the last failed at "${boot.stage}": ${boot.message}`,
    {
      hint: 'its fleet is gone; mend the cause, then launch again or `runctl resume` the run',
    },
  );
}

/** Waits, giving meanwhile what the agent sends. */
async function* pause(options: FollowOptions, wait: { log: LogReader; ms: number }): AsyncGenerator<FollowEvent> {
  const { clock, signal, live } = options;
  const over = clock.sleep(wait.ms, signal).then(() => 'over' as const);
  if (live === undefined) {
    await over;
    return;
  }
  for (;;) {
    for (const frame of live.take()) {
      if (frame.type === 'status') yield { type: 'status', status: frame.status };
      else if (frame.type === 'log' && options.withLog) {
        const { generation, offset, base64 } = frame;
        yield* wait.log.accept({ generation, node: 0, offset, bytes: Buffer.from(base64, 'base64') });
      }
    }
    if ((await Promise.race([over, live.arrived().then(() => 'frames' as const)])) === 'over') return;
  }
}

function isEnding(event: FollowEvent): boolean {
  return event.type === 'attempt-ended' || event.type === 'outcome' || event.type === 'attempt-lost';
}

/** Lives of earlier launches are history: `logs` shows them. */
function skipEarlierLives(log: LogReader, record: RunRecord, launch: number): void {
  const own = new Set(attemptsOf(record, launch).map((attempt) => attempt.generation));
  const earlier = record.attempts.filter((attempt) => !own.has(attempt.generation));
  log.close(Math.max(0, ...earlier.map((attempt) => attempt.generation)));
}

/** Often while things happen, else as often as the log is shipped: every look costs some requests. */
function pollMs(record: RunRecord, launch: number, quietMs: number): number {
  const isRunning = attemptsOf(record, launch).at(-1)?.status?.document.phase === 'running';
  if (!isRunning && quietMs < LIVELY_MS) return QUICK_POLL_MS;
  return Math.min(SLOW_POLL_MS, Math.max(QUICK_POLL_MS, record.spec.timing.logShipMs / 2));
}

interface FleetFollower {
  look(record: RunRecord): AsyncGenerator<FollowEvent>;
  isGone(): boolean;
}

/** Looks at EC2 now and then, and switches to on-demand when spot has nothing. */
function createFleetFollower(options: FollowOptions, launch: number): FleetFollower {
  const { cloud, clock } = options;
  const startedMs = clock.monotonicMs();
  let watch: FleetWatch | null = null;
  let lastLookMs = Number.NEGATIVE_INFINITY;
  let switched = false;
  let fleetId = '';

  /** A laptop that died between the call and storing the fleet's id left only tags. */
  const fleetOf = async (launched: LaunchRecord | undefined): Promise<{ fleetId: string; at: string } | null> => {
    if (launched === undefined) return null;
    if (launched.machines !== null) return { fleetId: fleetRef(launched.machines).fleetId, at: launched.machines.at };
    const found = await cloud.fleets.findFleet(options.run, launch).catch(() => null);
    return found === null ? null : { fleetId: found.fleetId, at: launched.intent?.at ?? new Date(0).toISOString() };
  };

  const watchOf = async (launched: LaunchRecord | undefined): Promise<FleetWatch | null> => {
    if (watch !== null) return watch;
    const fleet = await fleetOf(launched);
    if (fleet === null) return null;
    fleetId = fleet.fleetId;
    watch = createFleetWatch({
      fleets: cloud.fleets,
      run: options.run,
      launch,
      fleetId,
      intent: launched?.intent ?? null,
      sinceMs: Date.parse(fleet.at) - 60_000,
      clock,
    });
    return watch;
  };

  return {
    isGone: () => watch?.isGone() ?? false,
    look: async function* (record) {
      const launched = record.launches.find((other) => other.launch === launch);
      const spoken = attemptsOf(record, launch).length > 0;
      const everyMs = spoken ? SLOW_FLEET_LOOK_MS : FLEET_LOOK_MS;
      if (clock.monotonicMs() - lastLookMs < everyMs) return;
      const current = await watchOf(launched);
      lastLookMs = clock.monotonicMs();
      if (current === null) return;
      yield* await current.look();
      const hopeless = options.failWhenHopeless === true && !spoken ? current.hopeless() : null;
      if (hopeless !== null) throw hopeless;
      const waitedMs = clock.monotonicMs() - startedMs;
      const limitMs = options.onDemandAfterMs ?? null;
      const isSpot = launched?.intent?.market === 'spot';
      if (limitMs === null || switched || !isSpot || spoken || current.hasInstance() || waitedMs < limitMs) return;
      switched = true;
      await cloud.fleets.switchToOnDemand(fleetId, record.spec.nodes);
      yield { type: 'on-demand', waitedMs };
    },
  };
}
