import * as z from 'zod';
import { market } from '../offer.ts';

/** A machine as its provider describes it. */
export const machineView = z.object({
  machineId: z.string(),
  state: z.enum(['pending', 'running', 'shutting-down', 'stopping', 'stopped', 'terminated']),
  machineType: z.string(),
  location: z.string(),
  market,
  privateIp: z.string().nullable(),
  publicIp: z.string().nullable(),
  launchedAtMs: z.number(),
  stateReason: z.string().nullable(),
  run: z.string().nullable(),
  launch: z.number().nullable(),
});
export type MachineView = z.output<typeof machineView>;
