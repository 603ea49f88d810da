import type { Clock } from '@runctl/core';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. Monotonic and wall time can be moved apart with `stepWall`. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #sleepers: Sleeper[] = [];

  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = wallStartMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Moves the wall clock alone, as a time correction does. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Moves time forward, waking sleepers in order and letting what they wake run before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter((sleeper) => sleeper.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#nowMs = untilMs;
    await settle();
  }

  /** Moves time forward in steps until `promise` settles; fails after `limitMs` of fake time. */
  async runUntil<T>(promise: Promise<T>, options: { stepMs?: number; limitMs?: number } = {}): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => {});
    const limitMs = this.#nowMs + (options.limitMs ?? 3_600_000);
    const isSettled = (): boolean => settled;
    while (!isSettled()) {
      if (this.#nowMs >= limitMs)
        throw new Error(`still pending after ${options.limitMs ?? 3_600_000} ms of fake time`);
      await this.advance(options.stepMs ?? 100);
    }
    return watched;
  }
}

/** How Node names what it asks of the disk. */
const DISK = /^FSReq/;
/** A read of a pipe may wait for ever. */
const LONGEST_DISK_WAIT_MS = 1000;

/** Lets every promise callback that is ready run, and the disk answer: time must not run away from a slow one. */
async function settle(): Promise<void> {
  const giveUpMs = performance.now() + LONGEST_DISK_WAIT_MS;
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some((name) => DISK.test(name)) && performance.now() < giveUpMs) turn = -1;
  }
}
