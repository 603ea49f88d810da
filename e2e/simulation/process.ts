import type { Clock } from '@runctl/core';
import type { Disk } from './disk.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** What a process can feel of the machine that it runs on. */
export interface Host {
  readonly name: string;
  readonly disk: Disk;
  readonly clock: MachineClock;
  /** Nothing that is sent reaches anybody until then (true time). */
  readonly cutOffUntilMs?: number;
}

/** A machine's clocks: both run at a rate of their own, and its wall clock may be hours off. */
export class MachineClock {
  readonly rate: number;
  wallOffsetMs: number;
  readonly #timeline: Timeline;
  readonly #bootedMs: number;

  constructor(timeline: Timeline, given: { readonly rate: number; readonly wallOffsetMs: number }) {
    this.#timeline = timeline;
    this.#bootedMs = timeline.nowMs;
    this.rate = given.rate;
    this.wallOffsetMs = given.wallOffsetMs;
  }

  monotonicMs(): number {
    return (this.#timeline.nowMs - this.#bootedMs) * this.rate;
  }

  wallMs(): number {
    return EPOCH_MS + this.wallOffsetMs + this.#timeline.nowMs * this.rate;
  }

  /** The moment on the timeline at which this machine's monotonic clock shows `monotonicMs`. */
  trueMs(monotonicMs: number): number {
    return this.#bootedMs + monotonicMs / this.rate;
  }
}

/** The store's wall clock at the beginning of each world. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Shares of disk calls that take their time, and the longest they take. */
const SLOW_DISK = { probability: 0.03, maxMs: 40 };

/**
 * One life of an agent. It ends at any of its calls, or from outside: from then on nothing it waits for comes, and it does
 * nothing any more. What it had sent into the network goes on without it. While frozen it makes no step, as a process that
 * is stopped or swapped out, but its machine's clock runs on.
 */
export class Process {
  alive = true;
  calls = 0;
  readonly name: string;
  readonly host: Host;
  readonly random: Random;
  readonly timeline: Timeline;
  readonly clock: Clock;
  /** Dies at this call; null = lives on. */
  dieAtCall: number | null = null;
  #frozenUntilMs = 0;
  readonly #onDeath: () => void;
  readonly #lastThings: (() => void)[] = [];

  constructor(
    host: Host,
    given: {
      readonly timeline: Timeline;
      readonly random: Random;
      readonly name: string;
      readonly onDeath: () => void;
    },
  ) {
    this.host = host;
    this.timeline = given.timeline;
    this.random = given.random;
    this.name = given.name;
    this.#onDeath = given.onDeath;
    this.clock = {
      monotonicMs: () => host.clock.monotonicMs(),
      wallMs: () => host.clock.wallMs(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const each of this.#lastThings) each();
    this.#onDeath();
  }

  /** What the machine's kernel does when the process is gone. */
  whenDead(act: () => void): void {
    if (this.alive) this.#lastThings.push(act);
    else act();
  }

  freeze(ms: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.timeline.nowMs + ms);
  }

  /** Counts one call to the outside; true when the process dies of it. */
  isLastCall(): boolean {
    this.calls++;
    return this.calls === this.dieAtCall;
  }

  /** A call to the disk: one point at which the process can die, before it takes effect or after. */
  onDisk<T>(perform: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      const act = (): void => {
        try {
          resolve(perform());
        } catch (error) {
          reject(error);
        }
      };
      if (this.isLastCall()) {
        if (this.random.chance(0.5)) attempt(perform);
        this.die();
        return;
      }
      const slow = this.random.chance(SLOW_DISK.probability) ? this.random.int(1, SLOW_DISK.maxMs) : 0;
      if (slow === 0 && this.timeline.nowMs >= this.#frozenUntilMs) act();
      else this.timeline.after(slow, () => this.deliver(act));
    });
  }

  /**
   * A call to something outside that answers after a while: one point at which the process can die. What it has asked for
   * happens all the same, or never left.
   */
  ask<T>(tookMs: number, perform: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      const dies = this.isLastCall();
      if (dies && this.random.chance(0.5)) return this.die();
      this.timeline.after(tookMs, () => {
        try {
          const answer = perform();
          this.deliver(() => resolve(answer));
        } catch (error) {
          this.deliver(() => reject(error));
        }
      });
      if (dies) this.die();
    });
  }

  /** Lets something arrive at the process, if it lives, once it is not frozen. */
  deliver(run: () => void): void {
    if (!this.alive) return;
    if (this.timeline.nowMs >= this.#frozenUntilMs) run();
    else this.timeline.at(this.#frozenUntilMs, () => this.deliver(run));
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.isLastCall()) return this.die();
      const leave = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      // A timer of Node takes at least a millisecond.
      const cancel = this.timeline.after(Math.max(1, ms) / this.host.clock.rate, () =>
        this.deliver(() => {
          signal?.removeEventListener('abort', leave);
          resolve();
        }),
      );
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}

function attempt(perform: () => unknown): void {
  try {
    perform();
  } catch {
    // Nobody is left to hear of it.
  }
}
