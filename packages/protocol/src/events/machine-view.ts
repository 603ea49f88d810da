import * as z from 'zod';
import { market } from '../offer.ts';

/** A machine as its provider describes it. */
export const machineView = z.object({
  machineId: z.string(),
  state: z.enum(['starting', 'running', 'ending', 'stopped', 'ended']),
  machineType: z.string(),
  location: z.string(),
  market,
  addresses: z.object({ private: z.string().nullable(), public: z.string().nullable() }),
  launchedAtMs: z.number(),
  /** The provider's own word for why it ends or has ended. */
  endReason: z.string().nullable(),
  /** The same in words, with what to do about it. */
  endCause: z
    .object({
      kind: z.enum(['taken-back', 'no-capacity', 'powered-off', 'ended', 'failed', 'unknown']),
      text: z.string(),
      hint: z.string().nullable(),
    })
    .nullable(),
  run: z.string().nullable(),
  launch: z.number().nullable(),
});
