import * as z from 'zod';

/** Which checkpoints of a run are kept. The latest and one before it are kept whatever this says. */
export const retentionPolicy = z.object({
  /** So many of those right before the latest. */
  last: z.number().int().min(1),
  /** The first at or after each multiple of so many steps; null = no such rule. */
  everySteps: z.number().int().min(1).nullable(),
  /** The one with the smallest or largest value of a metric of the progress file; null = no such rule. */
  best: z.object({ metric: z.string().min(1), mode: z.enum(['min', 'max']) }).nullable(),
});
export type RetentionPolicy = z.output<typeof retentionPolicy>;

export const defaultRetention: RetentionPolicy = { last: 3, everySteps: null, best: null };
