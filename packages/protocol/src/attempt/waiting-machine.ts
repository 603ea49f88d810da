import * as z from 'zod';
import { generation, launchNumber, timestamp, versioned } from '../codec.ts';
import { runId } from '../run-id.ts';

/** `waiting/<machine>.json`: a machine that waits for the lease. */
export const waitingMachine = versioned.extend({
  run: runId,
  launch: launchNumber,
  machineId: z.string(),
  since: timestamp,
  at: timestamp,
  /** Who holds the lease meanwhile; null while nobody was seen. */
  holder: z.object({ generation, owner: z.string() }).nullable(),
  /** The checkpoint that it has fetched so far; null before the first byte. */
  fetched: z.object({ manifest: z.string(), bytes: z.number().int(), sizeBytes: z.number().int() }).nullable(),
});
export type WaitingMachine = z.output<typeof waitingMachine>;
