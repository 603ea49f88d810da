import { type Clock, formatDuration, formatUsd, type Log, messageOf } from '@runctl/core';
import { costUsd } from './cost.ts';
import type { LifeState } from './life-state.ts';

export interface BucketWaitOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly life: Pick<LifeState, 'enter'>;
  /** What the agent does while the bucket answers, for people. */
  readonly doing: string;
  /** Why the bucket takes nothing now; null when it does. */
  readonly trouble: () => unknown;
  readonly pricePerHourUsd: number | null;
  readonly everyMs: number;
}

/** The log has each wait when it has lasted this long, and then at each doubling. */
const FIRST_LINE_MS = 60_000;

/** Shows during a flush for how long the bucket is waited for, at what cost and why. Ends with the signal; never rejects. */
export async function showBucketWait(options: BucketWaitOptions, signal: AbortSignal): Promise<void> {
  const { clock, life, log, doing, everyMs, pricePerHourUsd, trouble } = options;
  let sinceMs: number | null = null;
  let lineAtMs = FIRST_LINE_MS;
  while (!signal.aborted) {
    const error = trouble();
    if (error === null) {
      sinceMs = null;
      lineAtMs = FIRST_LINE_MS;
      life.enter('flushing', doing);
    } else {
      sinceMs ??= clock.monotonicMs();
      const waitedMs = clock.monotonicMs() - sinceMs;
      const text = waitText(waitedMs, pricePerHourUsd, error);
      life.enter('flushing', text);
      if (waitedMs >= lineAtMs) {
        log.warn({ waitedMs: Math.round(waitedMs) }, text);
        lineAtMs = waitedMs * 2;
      }
    }
    await clock.sleep(everyMs, signal).catch(() => {});
  }
}

/** `waiting for the bucket for 12m ($0.07 so far): connection refused`. */
export function waitText(waitedMs: number, pricePerHourUsd: number | null, error: unknown): string {
  const costs = costUsd(pricePerHourUsd, waitedMs);
  const soFar = costs === null ? '' : ` (${formatUsd(costs)} so far)`;
  return `waiting for the bucket for ${formatDuration(waitedMs)}${soFar}: ${messageOf(error)}`;
}
