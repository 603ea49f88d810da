import type { AttemptBegunEvent, LogEvent, ShownLogEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import type { LifeEvent } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import {
  attemptNumber,
  type AttemptRecord,
  lastLaunch,
  resumeIgnoredAtStart,
  type RunRecord,
} from '../run/run-record.ts';
import { createRunReader } from '../run/run-reader.ts';
import { patiently, readPatiently } from './patience.ts';
import { createLogReader, readLogTail } from './log-reader.ts';

export interface ShowLogOptions {
  readonly cloud: Cloud;
  readonly run: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly follow: boolean;
  readonly sinceAgoMs: number | null;
  readonly lines: number | null;
}

/** The log of a run with a banner where another life begins; with `follow` until the newest launch has ended. */
export async function* showLog(options: ShowLogOptions): AsyncGenerator<ShownLogEvent> {
  const { cloud, run, clock, signal, sinceAgoMs, lines } = options;
  const records = createRunReader({ store: cloud.store, run, clock });
  let record = await records.read();
  const banners = createBanners();
  const since = sinceAgoMs === null ? {} : { sinceMs: clock.wallMs() - sinceAgoMs };
  const log = createLogReader({ store: cloud.store, run, ...since });
  if (lines !== null) {
    const tail = await readLogTail({ store: cloud.store, run }, Math.max(1, lines));
    // None is asked for by who only wants what comes from now on.
    if (lines > 0) yield* banners.with(record, tail);
    log.skipTo(tail);
    if (!options.follow) return;
  }
  for (;;) {
    const events = options.follow ? readPatiently(log, options) : log.read();
    for await (const event of events) yield* banners.with(record, [event]);
    if (!options.follow) return;
    if (lastLaunch(record)?.outcome !== null) return;
    await clock.sleep(Math.max(400, Math.min(2000, record.spec.timing.logShipMs / 2)), signal);
    record = await patiently(options, () => records.read());
  }
}

/** Puts between the bytes of a log where a life begins, and what happened within it. */
function createBanners() {
  let current: string | null = null;
  const given = new Set<LifeEvent>();
  return {
    *with(record: RunRecord, events: readonly LogEvent[]): Generator<ShownLogEvent> {
      for (const event of events) {
        const life = `${event.generation}/${event.node}`;
        const attempt = record.attempts.find((other) => `${other.generation}/${other.node}` === life);
        if (life !== current) {
          current = life;
          yield attemptEvent(record, event, attempt);
        }
        const isNew = (each: LifeEvent): boolean => !given.has(each) && isWithin(each, event);
        const marks = (attempt?.events ?? []).filter(isNew);
        for (const mark of marks) given.add(mark);
        yield* withMarks(record, event, marks);
      }
    },
  };
}

const isWithin = ({ logOffset }: LifeEvent, event: LogEvent): boolean =>
  event.type === 'log-bytes' &&
  logOffset !== null &&
  logOffset >= event.offset &&
  logOffset < event.offset + event.bytes.length;

function* withMarks(record: RunRecord, event: LogEvent, marks: readonly LifeEvent[]): Generator<ShownLogEvent> {
  if (event.type !== 'log-bytes') {
    yield event;
    return;
  }
  const { generation, node } = event;
  let from = 0;
  for (const mark of marks) {
    const to = (mark.logOffset ?? 0) - event.offset;
    if (to > from) yield { ...event, offset: event.offset + from, bytes: event.bytes.subarray(from, to) };
    from = Math.max(from, to);
    yield { type: 'life-event', attempt: attemptNumber(record, generation), generation, node, event: mark };
  }
  yield { ...event, offset: event.offset + from, bytes: event.bytes.subarray(from) };
}

function attemptEvent(
  record: RunRecord,
  { generation, node }: LogEvent,
  attempt: AttemptRecord | undefined,
): AttemptBegunEvent {
  return {
    type: 'attempt',
    attempt: attemptNumber(record, generation),
    generation,
    node,
    started: attempt?.started ?? null,
    resumeIgnored: attempt === undefined ? null : resumeIgnoredAtStart(attempt),
  };
}
