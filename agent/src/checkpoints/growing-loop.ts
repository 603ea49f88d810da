import type { GrowingLook } from '@runctl/checkpoint';
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

/** While something grows: a part of 8 MiB fills in 32 ms at 250 MB/s, and its end is servedChanges at the second look that finds it the same. */
const GROWING_PER_SETTLE = 40;
const IDLE_PER_SETTLE = 4;
/** Files can change without a word: look once in so many idle pauses. */
const UNASKED_PAUSES = 120;
/** Looks take at most this share of the time: one at many thousand files is long, and the processors belong to the training. */
const MOST_LOOKING = 0.1;
/** Processor time; how long a look takes tells nothing of it while the processor hashes what is uploaded. */
const LOOK_MS_PER_FILE = 0.15;

const NOTHING: GrowingLook = { active: false, files: 0 };

/** Calls `uploadGrowing` often while a checkpoint is being written, and hardly ever else. */
export function growingLoop({ checkpoints, clock, log, settleMs }: GrowingLoopOptions): GrowingLoop {
  let changes = 1;
  const look = async (signal: AbortSignal): Promise<GrowingLook> => {
    try {
      return await checkpoints.publisher.uploadGrowing(signal);
    } catch (error) {
      if (!signal.aborted) log.debug({ error: messageOf(error) }, 'no look for growing files');
      return NOTHING;
    }
  };
  return {
    changed: () => void changes++,
    async run(signal) {
      let active = false;
      for (let idle = 0, servedChanges = 0; !signal.aborted;) {
        let found = NOTHING;
        if (active || servedChanges !== changes || idle >= UNASKED_PAUSES) {
          servedChanges = changes;
          idle = 0;
          found = await look(signal);
          active = found.active;
        } else idle++;
        const looksPerSettle = active ? GROWING_PER_SETTLE : IDLE_PER_SETTLE;
        const pauseMs = Math.max(settleMs / looksPerSettle, (found.files * LOOK_MS_PER_FILE) / MOST_LOOKING);
        await clock.sleep(pauseMs, signal).catch(() => {});
      }
    },
  };
}
