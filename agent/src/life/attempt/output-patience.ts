import { PublishingRefused } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf, until } from '@runctl/core';
import { isStoreError } from '@runctl/store';

export interface OutputPatience {
  /** Trouble that lasts for so long is taken for lasting. */
  readonly refusedMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const RETRY_MS = 1000;
/** An upload that failed late so often, and of which nothing was kept, fails the next time too. */
const LATE_TRIES = 3;

/**
 * Sends output until the bucket has it; `send` calls back whenever some of it is kept. Gives up `refusedMs` after the first
 * trouble. A try that went well for as long is none where it ends with a failure that passes, so that a long upload is not
 * given up for one that fails late; `LATE_TRIES` of which nothing was kept are. Rejects with the last error, or the signal's
 * reason.
 */
export function sendPatiently<T>(
  send: (onKept: () => void) => Promise<T>,
  { clock, log, refusedMs, signal }: OutputPatience,
): Promise<T> {
  let triedMs = clock.monotonicMs();
  let troubledMs: number | null = null;
  let lateTries = 0;
  const attempt = (): Promise<T> => {
    triedMs = clock.monotonicMs();
    return send(() => (lateTries = 0));
  };
  const isLasting = (error: unknown): boolean => {
    const nowMs = clock.monotonicMs();
    const isLate = isPassing(error) && nowMs - triedMs >= refusedMs;
    if (isLate) lateTries++;
    if (isLate || troubledMs === null) troubledMs = nowMs;
    return lateTries >= LATE_TRIES || nowMs - troubledMs >= refusedMs;
  };
  return until(attempt, {
    clock,
    signal,
    pauseMs: () => RETRY_MS,
    isFinal: (error) => !(isStoreError(error) || isForNow(error)) || isLasting(error),
    onTrouble: ({ error }) => log.warn({ error: messageOf(error) }, 'the output could not be kept yet'),
  });
}

const isPassing = (error: unknown): boolean =>
  isForNow(error) || (isStoreError(error) && (error.kind === 'transient' || error.kind === 'conflict'));

/** Without the lease nothing is written, which a renewal mends. */
export const isForNow = (error: unknown): boolean =>
  error instanceof PublishingRefused && error.reason === 'not-holder';
