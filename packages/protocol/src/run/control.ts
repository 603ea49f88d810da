import * as z from 'zod';
import { nonce, openEnum, timestamp, versioned } from '../codec.ts';

/** `control/<ms>-<nonce>.json`: a wish of somebody with a laptop. An agent obeys each once, in key order, if it was made after its launch. */
export const controlDocument = versioned.extend({
  action: openEnum(['stop', 'checkpoint', 'budget']),
  args: z.object({
    /** For `stop`: shortens the grace. */
    graceMs: z.number().nullable().default(null),
    /** For `budget`: the new limit. */
    budgetUsd: z.number().nullable().default(null),
  }),
  /** The launch it is meant for: a later launch ignores it. */
  launch: z.number().int().min(1),
  at: timestamp,
  by: z.string(),
  nonce,
});
export type ControlDocument = z.output<typeof controlDocument>;
