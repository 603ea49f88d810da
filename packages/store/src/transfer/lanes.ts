import type { Clock } from '@runctl/core';
import { adjustLanes, type LaneBounds, type LaneState } from './lane-control.ts';

export interface LanesOptions {
  readonly clock: Clock;
  readonly bounds?: LaneBounds;
}

/** Sixteen connections of some 50 MB/s are as much as one thread can encrypt, and with their buffers the agent stays below 260 MB. */
const DEFAULT_BOUNDS: LaneBounds = { least: 4, most: 16 };
const START = 8;
const PERIOD_MS = 1000;
/** Of the time spent sending: how fast an older measurement loses weight. */
const MEMORY_MS = 5000;

interface Waiting {
  readonly start: () => void;
}

/**
 * The requests that carry parts, of all uploads together: how many at once (it follows the measured rate), and the
 * buffers they read into, which are used again and again. Memory is lanes × part size, whatever is uploaded.
 */
export class Lanes {
  readonly #clock: Clock;
  readonly #bounds: LaneBounds;
  readonly #free: Buffer[] = [];
  readonly #waiting: Waiting[] = [];
  #state: LaneState;
  #inUse = 0;
  #busySinceMs = 0;
  #period = { startMs: 0, bytes: 0, saturated: false, throttled: false };
  /** Bytes and time of sending, fading. */
  #measured = { bytes: 0, ms: 0 };

  constructor({ clock, bounds = DEFAULT_BOUNDS }: LanesOptions) {
    this.#clock = clock;
    this.#bounds = bounds;
    const limit = Math.min(bounds.most, Math.max(bounds.least, START));
    this.#state = { limit, bytesPerSecond: null, grown: false, restPeriods: 0 };
  }

  get limit(): number {
    return this.#state.limit;
  }

  get most(): number {
    return this.#bounds.most;
  }

  /** Bytes a second while something is being sent; null until something was. */
  bytesPerSecond(): number | null {
    const ms = this.#measured.ms + this.#busyMs();
    return this.#measured.bytes === 0 || ms === 0 ? null : (this.#measured.bytes * 1000) / ms;
  }

  /** The store asked to slow down, whichever request it answered so. While nothing is sent that means nothing. */
  throttled(): void {
    this.#period.throttled = true;
  }

  /**
   * Runs `work` in a lane with a buffer of the part size; `sentBytes` is told for the measurement. Rejects with the
   * signal's reason when it fires before a lane was free.
   */
  async run<T>(
    options: { readonly sizeBytes: number; readonly signal: AbortSignal },
    work: (buffer: Buffer, sentBytes: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    const buffer = await this.#take(options);
    try {
      return await work(buffer, (bytes) => this.#sent(bytes));
    } finally {
      this.#give(buffer);
    }
  }

  #take({ sizeBytes, signal }: { readonly sizeBytes: number; readonly signal: AbortSignal }): Promise<Buffer> {
    signal.throwIfAborted();
    if (this.#inUse < this.#state.limit) return Promise.resolve(this.#begin(sizeBytes));
    this.#period.saturated = true;
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
      };
      const waiting = {
        start: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.#begin(sizeBytes));
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #begin(sizeBytes: number): Buffer {
    const nowMs = this.#clock.monotonicMs();
    if (this.#inUse++ === 0) {
      this.#busySinceMs = nowMs;
      // Of what was sent, or asked, before a pause nothing counts: the lanes of the next hour's checkpoint depend on it.
      this.#period = { startMs: nowMs, bytes: 0, saturated: this.#waiting.length > 0, throttled: false };
    }
    const index = this.#free.findIndex((buffer) => buffer.byteLength >= sizeBytes);
    const [free] = index < 0 ? [] : this.#free.splice(index, 1);
    return free ?? Buffer.allocUnsafeSlow(sizeBytes);
  }

  #give(buffer: Buffer): void {
    this.#inUse--;
    if (this.#free.length < this.#state.limit) this.#free.push(buffer);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#period.startMs >= PERIOD_MS) this.#endPeriod(nowMs);
    if (this.#inUse === 0) this.#rest(nowMs);
    while (this.#inUse < this.#state.limit && this.#waiting.length > 0) this.#waiting.shift()?.start();
  }

  #endPeriod(nowMs: number): void {
    const { startMs, bytes, saturated, throttled } = this.#period;
    const bytesPerSecond = (bytes * 1000) / (nowMs - startMs);
    this.#state = adjustLanes(this.#state, { bytesPerSecond, saturated, throttled }, this.#bounds);
    this.#period = { startMs: nowMs, bytes: 0, saturated: this.#waiting.length > 0, throttled: false };
    this.#fade(nowMs);
  }

  /** A pause is no time of sending. Between uploads the buffers go back to the machine. */
  #rest(nowMs: number): void {
    this.#fade(nowMs);
    if (this.#waiting.length === 0) this.#free.length = 0;
  }

  #fade(nowMs: number): void {
    const { bytes, ms } = { bytes: this.#measured.bytes, ms: this.#measured.ms + (nowMs - this.#busySinceMs) };
    const keep = ms > MEMORY_MS ? MEMORY_MS / ms : 1;
    this.#measured = { bytes: bytes * keep, ms: ms * keep };
    this.#busySinceMs = nowMs;
  }

  #busyMs(): number {
    return this.#inUse === 0 ? 0 : this.#clock.monotonicMs() - this.#busySinceMs;
  }

  #sent(bytes: number): void {
    this.#period.bytes += bytes;
    this.#measured = { ...this.#measured, bytes: this.#measured.bytes + bytes };
  }
}
