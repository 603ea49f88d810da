import { type Clock, isRunctlError, type Log, messageOf, until } from '@runctl/core';

/** Another format stays another format, and other bytes other bytes. */
const INCURABLE: ReadonlySet<string> = new Set(['newer-format', 'older-format', 'not-as-launched']);

/**
 * Asks until there is an answer, with the complaint in the log at each failure. Rejects with the signal's reason, and with
 * `newer-format`, `older-format` or `not-as-launched`, which no repetition cures.
 */
export function insist<T>(
  complaint: string,
  operation: () => Promise<T>,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<T> {
  return until(operation, {
    clock,
    signal,
    isFinal: (error) => isRunctlError(error) && INCURABLE.has(error.code),
    onTrouble: ({ error, attempt }) => log.warn({ error: messageOf(error), attempt }, complaint),
  });
}
