import type { FollowEvent } from '@runctl/protocol/events';
import { type Clock, command, RunctlError } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { createLogReader, type LogReader } from '../log/log-reader.ts';
import { attemptsOf, lastLaunch, type RunRecord } from '../run/run-record.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { LiveFeed } from '../live/open-live.ts';
import { unheardCost, type UnheardCost } from '../run/unheard.ts';
import type { FirstBoot } from './first-boot.ts';
import { followCapacity, type AskAnew } from './follow-capacity.ts';
import { patiently, readPatiently } from '../log/patience.ts';
import { changes, nothingSeen, type Seen } from './run-changes.ts';

export interface FollowOptions {
  readonly cloud: Cloud;
  readonly run: string;
  /** Number of the launch to follow; default: the newest. */
  readonly launch?: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether the log's lines are yielded too. */
  readonly withLog: boolean;
  /** Switches to the on-demand market when spot gives no machine for this long; null, the default: stays on spot. */
  readonly onDemandAfterMs?: number | null;
  /** How machines are asked for anew where the switch does not help; without it nothing more is done. */
  readonly askAnew?: AskAnew;
  /** Throws once the provider says that the launch will never have a machine. Only its launcher may then clean up. */
  readonly failWhenHopeless?: boolean;
  /** Is told what is seen until the first agent speaks, and may end the watching of a launch that never does. */
  readonly firstBoot?: FirstBoot;
  /** What the agent pushes to this process, which comes sooner; the bucket stays the authority. */
  readonly live?: LiveFeed;
}

/** The outcome of the launch; null when its machines are gone and none of them wrote one. */
export type FollowEnd = LaunchOutcome | null;

const QUICK_POLL_MS = 400;
const SLOW_POLL_MS = 2000;
/** For this long after an event the next one is expected soon, and polling stays quick. */
const LIVELY_MS = 90_000;

/**
 * Watches one launch, by polling the bucket and the provider, until it ends. Yields what is new and returns the
 * outcome. It changes the market where `onDemandAfterMs` asks for that, has machines asked for anew where `askAnew` is given,
 * and else changes nothing; it waits out network failures while it polls. Errors: the signal's reason, after which the run goes on; `boot-failed`, also of `firstBoot`; the reason
 * that `failWhenHopeless` throws; those of the store.
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
    noteFirstBoot(options, record, launch);
    // The log of an attempt comes after the event of its start and before the event of its end.
    yield* changed.events.filter((event) => !comesAfterLog(event));
    if (options.withLog) yield* readPatiently(log, options);
    yield* changed.events.filter(comesAfterLog);
    if (outcome !== null) return outcome;
    for await (const event of capacity.look(record)) {
      newsMs = clock.monotonicMs();
      yield event;
    }
    if (capacity.gone(record) !== null) {
      record = await patiently(options, () => reader.read());
      const gone = capacity.gone(record);
      if (gone !== null) {
        yield gone;
        return endWithoutCapacity(options, record, launch);
      }
    }
    yield* pause(options, { log, ms: pollMs(record, launch, clock.monotonicMs() - newsMs) });
    record = await patiently(options, () => reader.read());
  }
}

function noteFirstBoot(options: FollowOptions, record: RunRecord, launch: number): void {
  const { firstBoot } = options;
  if (firstBoot === undefined || firstBoot.isHeard) return;
  if (attemptsOf(record, launch).length > 0) firstBoot.hear();
  firstBoot.cost = costOfSilence(options, record, launch);
}

function costOfSilence(
  { cloud, clock }: Pick<FollowOptions, 'cloud' | 'clock'>,
  record: RunRecord,
  launch: number,
): UnheardCost | null {
  const intent = record.launches.find((other) => other.launch === launch)?.intent ?? null;
  const { nodes } = record.spec;
  const at = { nowMs: clock.wallMs(), nodes, expires: cloud.provider.can.expires.value };
  return intent === null ? null : unheardCost(intent, at);
}

/** What a launch that nobody watches may cost from now on, should it never speak; null without its intent. Errors: those of the store. */
export async function costIfSilent(
  options: Pick<FollowOptions, 'cloud' | 'clock' | 'run'> & { readonly launch: number },
): Promise<UnheardCost | null> {
  const { cloud, run, clock, launch } = options;
  return costOfSilence(options, await createRunReader({ store: cloud.store, run, clock }).read(), launch);
}

/** The outcome once no more machines come, or null. Errors: `boot-failed` when boots failed and no agent ran. */
function endWithoutCapacity({ firstBoot, run }: FollowOptions, record: RunRecord, launch: number): FollowEnd {
  const outcome = record.launches.find((other) => other.launch === launch)?.outcome ?? null;
  const boots = record.boots.filter((other) => other.launch === launch);
  const boot = boots.at(-1);
  const silent = outcome === null ? (firstBoot?.ofEnd(boots, run) ?? null) : null;
  if (silent !== null) throw silent;
  if (outcome !== null || boot === undefined || attemptsOf(record, launch).length > 0) return outcome;
  throw new RunctlError(
    'boot-failed',
    `no machine got as far as the agent; the last failed at "${boot.stage}": ${boot.message}`,
    {
      hint: ['no more machines will come; mend the cause, then launch again or ', command('resume', record.spec.run)],
    },
  );
}

/** Waits for `ms`, and yields meanwhile what the agent pushes. */
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

const AFTER_LOG: ReadonlySet<FollowEvent['type']> = new Set(['attempt-ended', 'outcome', 'attempt-lost', 'life-event']);

function comesAfterLog(event: FollowEvent): boolean {
  return AFTER_LOG.has(event.type);
}

/** Leaves out the log of earlier launches, which `runctl logs` shows. */
function skipEarlierLives(log: LogReader, record: RunRecord, launch: number): void {
  const own = new Set(attemptsOf(record, launch).map((attempt) => attempt.generation));
  const earlier = record.attempts.filter((attempt) => !own.has(attempt.generation));
  log.close(Math.max(0, ...earlier.map((attempt) => attempt.generation)));
}

/** Polls quickly while events are expected, else at the pace of the log's shipping: every poll costs requests. */
function pollMs(record: RunRecord, launch: number, quietMs: number): number {
  const isRunning = attemptsOf(record, launch).at(-1)?.status?.document.phase === 'running';
  if (!isRunning && quietMs < LIVELY_MS) return QUICK_POLL_MS;
  return Math.min(SLOW_POLL_MS, Math.max(QUICK_POLL_MS, record.spec.timing.logShipMs / 2));
}
