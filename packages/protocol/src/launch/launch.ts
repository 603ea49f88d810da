import * as z from 'zod';
import { generation, launchNumber, nonce, timestamp, versioned } from '../codec.ts';
import { runId } from '../run/run-spec.ts';

export const market = z.enum(['spot', 'on-demand']);
export type Market = z.output<typeof market>;

/** Instance type × zone × market, with the price per hour that was shown before anything was launched. */
export const pool = z.object({
  instanceType: z.string(),
  zone: z.string(),
  subnetId: z.string().nullable(),
  market,
  pricePerHourUsd: z.number().nonnegative().nullable(),
});
export type Pool = z.output<typeof pool>;

/** `launches/<n>/intent.json`: stored before the first call that costs money, so that a laptop that dies leads to one run. */
export const launchIntent = versioned.extend({
  run: runId,
  launch: launchNumber,
  at: timestamp,
  clientToken: z.string(),
  templateName: z.string(),
  market,
  pools: z.array(pool).min(1),
  /** The fleet ends here whatever happens. */
  validUntil: timestamp,
  by: z.string(),
  nonce,
});
export type LaunchIntent = z.output<typeof launchIntent>;

/** `launches/<n>/fleet.json`. */
export const launchFleet = versioned.extend({
  run: runId,
  launch: launchNumber,
  at: timestamp,
  fleetId: z.string(),
  launchTemplateId: z.string(),
  region: z.string(),
});
export type LaunchFleet = z.output<typeof launchFleet>;

/** Why the workload stopped or will. The first cause wins. */
export const stopCause = z.enum([
  'exited',
  'spot-notice',
  'user-stop',
  'budget',
  'deadline',
  'fenced',
  'machine-shutdown',
  'hang',
  'spawn-failed',
]);
export type StopCause = z.output<typeof stopCause>;

/** How a launch ended: `stopped` can be resumed, `succeeded` is done, `failed` gave up. */
export const launchStatus = z.enum(['succeeded', 'failed', 'stopped']);

/** `launches/<n>/outcome.json`: written once (If-None-Match); an agent that finds it finishes the clean-up and powers off. */
export const launchOutcome = versioned.extend({
  run: runId,
  launch: launchNumber,
  status: launchStatus,
  cause: z.union([stopCause, z.enum(['crashes', 'interruptions', 'boot-failed', 'laptop'])]),
  /** For people: what happened and why the launch ended. */
  message: z.string(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  step: z.number().int().nullable(),
  durableStep: z.number().int().nullable(),
  /** Null when nobody held the lease (a laptop wrote it). */
  generation: generation.nullable(),
  at: timestamp,
  nonce,
});
export type LaunchOutcome = z.output<typeof launchOutcome>;

/** `boot/<launch>-<instance>.json`: a boot that failed before the agent. Written by the boot script, so it stays this plain. */
export const bootFailure = versioned.extend({
  run: runId,
  launch: launchNumber,
  instanceId: z.string(),
  stage: z.string(),
  message: z.string(),
  at: timestamp,
});
export type BootFailure = z.output<typeof bootFailure>;
