import type { Clock, Log } from '@runctl/core';

/** Node's timers fire at once when asked for more. */
const longestSleepMs = 2 ** 31 - 1;

/** Everything that the model does later. Nothing of it happens any more once it is closed. */
export class Schedule {
  readonly #sleep: Clock['sleep'];
  readonly #log: Log;
  readonly #closed = new AbortController();

  constructor(timers: Pick<Clock, 'sleep'>, log: Log) {
    this.#sleep = (ms, signal) => timers.sleep(ms, signal);
    this.#log = log;
  }

  get closed(): boolean {
    return this.#closed.signal.aborted;
  }

  /** Runs `action` after `ms`, unless the returned function is called before. A failure is logged, never thrown. */
  after(ms: number, action: () => void | Promise<void>): () => void {
    const cancelled = new AbortController();
    const signal = AbortSignal.any([this.#closed.signal, cancelled.signal]);
    this.run(async () => {
      try {
        for (let left = ms; left >= 0; left -= longestSleepMs)
          await this.#sleep(Math.min(left, longestSleepMs), signal);
      } catch {
        return;
      }
      await action();
    });
    return () => cancelled.abort();
  }

  /** Starts something that nobody waits for; a failure is logged. */
  run(action: () => Promise<void>): void {
    action().catch((error: unknown) => {
      if (!this.closed) this.#log.error({ err: error }, 'sandbox model: background work failed');
    });
  }

  close(): void {
    this.#closed.abort();
  }
}
