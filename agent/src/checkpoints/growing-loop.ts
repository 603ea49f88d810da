import { type Clock, type Log, messageOf } from '@runctl/core';
import type { Checkpoints } from './checkpoint-port.ts';

export interface GrowingLoopOptions {
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly settleMs: number;
}

export interface GrowingLoop {
  /** Something below the folder changed. */
  changed(): void;
  /** Looks for growing files until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** While something grows: a part of 8 MiB fills in 32 ms at 250 MB/s, and its end is seen at the second look that finds it the same. */
const GROWING_PER_SETTLE = 40;
const IDLE_PER_SETTLE = 4;
/** Files can change without a word: look once in so many idle pauses. */
const UNASKED_PAUSES = 120;
/** Of the time: a look at many thousand files takes long, and the processors belong to the training. */
const MOST_LOOKING = 0.1;

/** Calls `uploadGrowing` often while a checkpoint is being written, and hardly ever else. */
export function growingLoop({ checkpoints, clock, log, settleMs }: GrowingLoopOptions): GrowingLoop {
  let changes = 1;
  const look = async (signal: AbortSignal): Promise<boolean> => {
    try {
      return (await checkpoints.publisher.uploadGrowing(signal)).active;
    } catch (error) {
      if (!signal.aborted) log.debug({ error: messageOf(error) }, 'no look for growing files');
      return false;
    }
  };
  return {
    changed: () => void changes++,
    async run(signal) {
      let active = false;
      for (let idle = 0, seen = 0; !signal.aborted;) {
        const startMs = clock.monotonicMs();
        if (active || seen !== changes || idle >= UNASKED_PAUSES) {
          seen = changes;
          idle = 0;
          active = await look(signal);
        } else idle++;
        const tookMs = clock.monotonicMs() - startMs;
        const pauseMs = Math.max(settleMs / (active ? GROWING_PER_SETTLE : IDLE_PER_SETTLE), tookMs / MOST_LOOKING);
        await clock.sleep(pauseMs, signal).catch(() => {});
      }
    },
  };
}
