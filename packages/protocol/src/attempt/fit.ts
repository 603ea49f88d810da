import * as z from 'zod';
import { openEnum } from '../codec.ts';

/** Milliseconds, or null for what is not known yet: nothing here is ever assumed. */
const ms = z.number().nonnegative().nullable();

/** Whether a last save and its upload fit into a notice, by what was measured in this run. */
export const fit = z.object({
  verdict: openEnum(['fits', 'does-not-fit', 'unknown']),
  /** For people: `save 12 s + upload 9.0 s of 110 s usable: fits`. */
  summary: z.string(),
  /**
   * `stop`: from SIGTERM to the exit and the last write, in earlier stops. `cut-off`: at least so long, the script was killed.
   * `files`: from first to last write of regular checkpoints.
   */
  save: z.object({ ms, from: openEnum(['stop', 'cut-off', 'files']).nullable() }),
  /** From the last write to being durable. `under-way`: at least so long, the first upload is not done. */
  upload: z.object({ ms, from: openEnum(['stop', 'checkpoints', 'under-way']).nullable() }),
  /** From the first sight of a notice until a checkpoint must be durable. */
  usableMs: z.number(),
  /** Until a script that does not end by itself is killed. */
  saveLimitMs: z.number(),
  /** Of the last checkpoint that was made durable here. */
  sizeBytes: z.number().nullable(),
  /** Network that an upload needs for it all to fit; null when the size or the save is unknown, or the save alone takes too long. */
  neededBytesPerSecond: z.number().nullable(),
  /** What to change, with numbers; empty unless it does not fit. */
  advice: z.array(z.string()),
  interval: z
    .object({
      /** Between the last checkpoints; null before there were two. */
      nowMs: ms,
      /** At which stalls and lost work cost the least together. */
      suggestedMs: z.number(),
      /** What went into it, and where that is from. */
      reason: z.string(),
    })
    .nullable(),
});
export type Fit = z.output<typeof fit>;
