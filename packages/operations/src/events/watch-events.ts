import type { HappenedEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import type { Cloud } from '../cloud.ts';
import { createRunReader } from '../run/run-reader.ts';
import { lastLaunch } from '../run/run-record.ts';
import { runEvents } from './run-events.ts';

const POLL_MS = 2000;

/** Events of a run in order; with `follow`, new ones as they become known, until the newest launch has ended. */
export async function* watchEvents(options: {
  readonly cloud: Cloud;
  readonly run: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly follow: boolean;
}): AsyncGenerator<HappenedEvent> {
  const { cloud, run, clock, signal } = options;
  const reader = createRunReader({ store: cloud.store, run, clock });
  const reported = new Set<string>();
  for (;;) {
    const record = await reader.read();
    for (const event of await runEvents(cloud, record)) {
      const name = JSON.stringify(event);
      if (reported.has(name)) continue;
      reported.add(name);
      yield event;
    }
    const launch = lastLaunch(record);
    if (!options.follow || (launch !== null && launch.outcome !== null)) return;
    await clock.sleep(POLL_MS, signal);
  }
}
