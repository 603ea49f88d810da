import type { AttemptBegunEvent, LogEvent, ShownLogEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import type { Cloud } from '../cloud.ts';
import { attemptNumber, lastLaunch, type RunRecord } from '../run/run-record.ts';
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

function createBanners() {
  let current: string | null = null;
  return {
    *with(record: RunRecord, events: readonly LogEvent[]): Generator<ShownLogEvent> {
      for (const event of events) {
        const life = `${event.generation}/${event.node}`;
        if (life !== current) {
          current = life;
          yield attemptEvent(record, event);
        }
        yield event;
      }
    },
  };
}

function attemptEvent(record: RunRecord, { generation, node }: LogEvent): AttemptBegunEvent {
  const attempt = record.attempts.find((other) => other.generation === generation && other.node === node);
  return {
    type: 'attempt',
    attempt: attemptNumber(record, generation),
    generation,
    node,
    started: attempt?.started ?? null,
  };
}
