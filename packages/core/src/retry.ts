import type { Clock } from './clock.ts';

/** Exponential backoff with full jitter. `attempts` counts the first try too. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Pause before try number `retry` (1 = first repeat); `random` in [0, 1). */
export function backoffMs(policy: RetryPolicy, retry: number, random: number): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (retry - 1));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** True when the same call may succeed later. */
  readonly retryable: (error: unknown) => boolean;
  readonly signal?: AbortSignal;
  readonly random?: () => number;
  readonly onRetry?: (error: unknown, retry: number, pauseMs: number) => void;
}

/** Calls `operation` until it succeeds, fails for good, or the policy's attempts are spent; rejects with the last error. */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (options.signal?.aborted || attempt >= options.policy.attempts || !options.retryable(error)) throw error;
      const pauseMs = backoffMs(options.policy, attempt, (options.random ?? Math.random)());
      options.onRetry?.(error, attempt, pauseMs);
      await options.clock.sleep(pauseMs, options.signal);
    }
  }
}
