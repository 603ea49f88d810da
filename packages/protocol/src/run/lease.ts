import * as z from 'zod';
import { generation, launchNumber, nonce, versioned } from '../codec.ts';

/** `lease.json`: who may publish. Compare-and-set; its age is judged by S3's own clock. */
export const leaseDocument = versioned.extend({
  generation,
  launch: launchNumber,
  nodes: z.number().int().min(1),
  /** Machine id of the holder, or `laptop:<user@host>`. */
  owner: z.string(),
  nonce,
  /** Changes with every write, so that a holder recognises its own success behind a lost answer. */
  renewal: z.number().int().nonnegative(),
  ttlMs: z.number().int().positive(),
  released: z.boolean(),
});
export type LeaseDocument = z.output<typeof leaseDocument>;
