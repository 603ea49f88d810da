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

/**
 * Sends output until the bucket has it. Gives up `refusedMs` after the first trouble: a try that went well for as long, however
 * it ends, is none, so that a long upload is not given up for one that fails late. Rejects with the last error, or the signal's
 * reason.
 */
export function sendPatiently<T>(
  send: () => Promise<T>,
  { clock, log, refusedMs, signal }: OutputPatience,
): Promise<T> {
  let triedMs = clock.monotonicMs();
  let troubledMs: number | null = null;
  const attempt = (): Promise<T> => {
    triedMs = clock.monotonicMs();
    return send();
  };
  const isLasting = (): boolean => {
    const nowMs = clock.monotonicMs();
    if (troubledMs === null || nowMs - triedMs >= refusedMs) troubledMs = nowMs;
    return nowMs - troubledMs >= refusedMs;
  };
  return until(attempt, {
    clock,
    signal,
    pauseMs: () => RETRY_MS,
    isFinal: (error) => !(isStoreError(error) || isForNow(error)) || isLasting(),
    onTrouble: ({ error }) => log.warn({ error: messageOf(error) }, 'the output could not be kept yet'),
  });
}

/** Without the lease nothing is written, which a renewal mends. */
export const isForNow = (error: unknown): boolean =>
  error instanceof PublishingRefused && error.reason === 'not-holder';
