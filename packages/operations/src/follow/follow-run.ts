import type { FollowEvent } from '@runctl/protocol/events';
import { RunctlError, type Clock } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { createLogReader, type LogReader } from '../log/log-reader.ts';
import { attemptsOf, lastLaunch, type RunRecord } from '../run/run-record.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { LiveFeed } from '../live/open-live.ts';
import { followCapacity } from './follow-capacity.ts';
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
  /** Go on in the on-demand market when spot had no machine for this long; null = stay on spot. */
  readonly onDemandAfterMs?: number | null;
  /** Throw once the provider said that the launch will never have a machine. Only whoever launched it may then clean up. */
  readonly failWhenHopeless?: boolean;
  /** What the agent sends by itself; the bucket stays the authority. */
  readonly live?: LiveFeed;
}

/** How a launch ended; null when its machines vanished and nobody said why. */
export type FollowEnd = LaunchOutcome | null;

const QUICK_POLL_MS = 400;
const SLOW_POLL_MS = 2000;
/** This long after the last news, the next is expected soon. */
const LIVELY_MS = 90_000;

/**
 * Watches one launch from the bucket and its provider until it ends, and returns its outcome. Aborting the signal ends it by
 * throwing the signal's reason; the run goes on.
 */
export async function* followRun(options: FollowOptions): AsyncGenerator<FollowEvent, FollowEnd> {
  const { cloud, run, clock, signal } = options;
  const reader = createRunReader({ store: cloud.store, run, clock });
  let record = await reader.read();
  const launch = options.launch ?? lastLaunch(record)?.launch ?? 1;
  const log = createLogReader({ store: cloud.store, run });
  skipEarlierLives(log, record, launch);
  const capacity = followCapacity(options, launch);
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
    for await (const event of capacity.look(record)) {
      newsMs = clock.monotonicMs();
      yield event;
    }
    if (capacity.isGone()) return endWithoutCapacity(await reader.read(), launch);
    yield* pause(options, { log, ms: pollMs(record, launch, clock.monotonicMs() - newsMs) });
    record = await patiently(options, () => reader.read());
  }
}

/** The outcome, if it came with the end of the capacity. Errors: `boot-failed` when machines came but never got to the agent. */
function endWithoutCapacity(record: RunRecord, launch: number): FollowEnd {
  const outcome = record.launches.find((other) => other.launch === launch)?.outcome ?? null;
  const boot = record.boots.filter((other) => other.launch === launch).at(-1);
  if (outcome !== null || boot === undefined || attemptsOf(record, launch).length > 0) return outcome;
  throw new RunctlError(
    'boot-failed',
    `no machine got as far as the agent; the last failed at "${boot.stage}": ${boot.message}`,
    {
      hint: 'no more machines will come; mend the cause, then launch again or `runctl resume` the run',
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
