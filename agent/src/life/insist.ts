import { type Clock, isRunctlError, type Log, messageOf, until } from '@runctl/core';
import { isStoreError } from '@runctl/store';

/** Another format stays another format, and other bytes other bytes. */
const INCURABLE: ReadonlySet<string> = new Set(['newer-format', 'older-format', 'not-as-launched']);

interface InsistOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A bucket that is not there, or has denied for this long without a break, is not asked again; default: for ever. */
  readonly refusedMs?: number;
}

/**
 * Asks until there is an answer, with the complaint in the log at each failure. Rejects with the signal's reason, with a
 * refusal that lasts where `refusedMs` says how long, and with `newer-format`, `older-format` or `not-as-launched`, which no
 * repetition cures.
 */
export function insist<T>(
  complaint: string,
  operation: () => Promise<T>,
  { clock, log, signal, refusedMs = Number.POSITIVE_INFINITY }: InsistOptions,
): Promise<T> {
  let deniedSinceMs: number | null = null;
  const isRefused = (error: unknown): boolean => {
    const nowMs = clock.monotonicMs();
    deniedSinceMs = isStoreError(error, 'denied') ? (deniedSinceMs ?? nowMs) : null;
    return deniedSinceMs !== null && nowMs - deniedSinceMs >= refusedMs;
  };
  const isGone = (error: unknown): boolean =>
    refusedMs < Number.POSITIVE_INFINITY && isStoreError(error, 'bucket-missing');
  return until(operation, {
    clock,
    signal,
    isFinal: (error) => isRefused(error) || isGone(error) || (isRunctlError(error) && INCURABLE.has(error.code)),
    onTrouble: ({ error, attempt }) => log.warn({ error: messageOf(error), attempt }, complaint),
  });
}
