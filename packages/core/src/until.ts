import type { Clock } from './clock.ts';
import { backoffMs } from './retry.ts';

/** A failure after which `until` tries again. */
export interface Trouble {
  readonly error: unknown;
  /** Number of the try that failed, from 1. */
  readonly attempt: number;
  /** How long `until` waits before the next try. */
  readonly pauseMs: number;
}

export interface UntilOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** The only end besides a success and a final error. */
  readonly signal: AbortSignal;
  /** How long to wait after try number `attempt` (from 1); `growingPauses` unless given. */
  readonly pauseMs?: (attempt: number) => number;
  /** Says of an error that no repetition cures it, or that it came often enough. Asked once for each error. */
  readonly isFinal: (error: unknown, attempt: number) => boolean;
  /** Called before each pause, so that whoever watches learns why nothing happens. What it throws ends the tries. */
  readonly onTrouble: (trouble: Trouble) => void;
}

/**
 * Calls `operation` again and again, one call at a time, and resolves with its first success. For work that has to happen
 * whatever it takes; `retry` is for work that may fail.
 *
 * It swallows no error unseen: each goes to `isFinal`, and then to `onTrouble` or to the caller. It rejects with a final
 * error, or with the signal's reason when that fires during a pause or has fired by the time that a try fails. It does not
 * interrupt a try: the operation has to heed the signal itself.
 */
export async function until<T>(operation: (attempt: number) => Promise<T>, options: UntilOptions): Promise<T> {
  const {
    clock,
    signal,
    isFinal,
    onTrouble,
    pauseMs: pauseAfter = growingPauses({ baseMs: 500, maxMs: 30_000 }),
  } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (isFinal(error, attempt)) throw error;
      signal.throwIfAborted();
      const pauseMs = pauseAfter(attempt);
      onTrouble({ error, attempt, pauseMs });
      await clock.sleep(pauseMs, signal);
    }
  }
}

/** Pauses that double up to `maxMs`, each with jitter; `random` in [0, 1). */
export function growingPauses(
  { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): (attempt: number) => number {
  return (attempt) => backoffMs({ attempts: Number.POSITIVE_INFINITY, baseMs, maxMs }, attempt, random());
}
