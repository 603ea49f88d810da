import * as z from 'zod';
import { generation, launchNumber, openEnum, timestamp, versioned } from '../codec.ts';
import { market } from '../offer.ts';
import { runId } from '../run-id.ts';

/**
 * `runs/<run>/summary.json`: what a list shows of a run. Written at the launch, with the heartbeat and at the end; a hint that
 * may be old or missing, never an authority.
 */
export const runSummary = versioned.extend({
  run: runId,
  name: z.string().nullable(),
  /** What a list calls the workload. */
  workload: z.string(),
  launch: launchNumber,
  generation: generation.nullable(),
  state: openEnum(['launching', 'waiting', 'running', 'draining', 'backoff', 'succeeded', 'failed', 'stopped']),
  step: z.number().nullable(),
  durableStep: z.number().nullable(),
  machineType: z.string().nullable(),
  location: z.string().nullable(),
  market: market.nullable(),
  spentUsd: z.number().nullable(),
  pricePerHourUsd: z.number().nullable(),
  at: timestamp,
});
export type RunSummary = z.output<typeof runSummary>;
