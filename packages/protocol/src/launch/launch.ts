import * as z from 'zod';
import { generation, launchNumber, nonce, opaque, openEnum, timestamp, versioned } from '../codec.ts';
import { market, offer } from '../offer.ts';
import { runId } from '../run-id.ts';

/** Keys and hashes of the programs that a machine fetches to become an agent. */
export const launchTools = z.object({
  agentKey: z.string(),
  agentSha256: z.string(),
  nodeKey: z.string(),
  nodeSha256: z.string(),
});
export type LaunchTools = z.output<typeof launchTools>;

/** What this launch changes of the run's specification; null leaves it as it is. */
export const launchArguments = z.object({
  args: z.array(z.string()).nullable().default(null),
  env: z.record(z.string(), z.string()).nullable().default(null),
  /** Number of the project's revision (`project/<n>.json`); 0 is the specification's own. */
  project: z.number().int().nonnegative().nullable().default(null),
  /** Digest of the container image that was resolved for this launch. */
  imageDigest: z.string().nullable().default(null),
});
export type LaunchArguments = z.output<typeof launchArguments>;

/** `launches/<n>/intent.json`: stored before the first call that costs money, so that a laptop that dies leads to one run. */
export const launchIntent = versioned.extend({
  run: runId,
  launch: launchNumber,
  at: timestamp,
  /** Name of the provider that the machines come from. */
  provider: z.string().min(1),
  /** What the provider launches; opaque to everyone but this provider, which has a schema of its own for it. */
  target: opaque,
  /** The launch's own, so that a later launch brings a newer agent to an old run. */
  tools: launchTools,
  arguments: launchArguments.nullable().default(null),
  offers: z.array(offer).min(1),
  market,
  /** Where the launch may go on in another market, with the prices there; left out where it may not. */
  fallbackOffers: z.array(offer).optional(),
  /** USD per hour that whoever launched it counts with where no price is known. */
  assumedPriceUsd: z.number().positive().optional(),
  /** Makes the provider's call idempotent. */
  token: z.string().min(1),
  /** The launch ends here whatever happens. */
  validUntil: timestamp,
  by: z.string(),
  nonce,
});
export type LaunchIntent = z.output<typeof launchIntent>;

/** `launches/<n>/machines.json`: under what name the provider knows the machines of a launch. */
export const launchMachines = versioned.extend({
  run: runId,
  launch: launchNumber,
  at: timestamp,
  provider: z.string().min(1),
  /** Opaque to everyone but the provider. */
  ref: opaque,
  /** While a laptop ends these machines and asks for others: the provider knows by run and launch which live. */
  replacing: z.object({ market, nonce }).nullable().default(null),
  /** What was asked for before these and ended for them; left out where these are the first. */
  former: z.object({ ref: opaque, at: timestamp }).optional(),
});
export type LaunchMachines = z.output<typeof launchMachines>;

/** The causes that this build knows. */
export const stopCauses = [
  'exited',
  'notice',
  'user-stop',
  'budget',
  'deadline',
  'fenced',
  'machine-shutdown',
  'hang',
  'spawn-failed',
  'preparation-failed',
] as const;

/** Why the workload stopped or will. The first cause wins. */
export const stopCause = openEnum(stopCauses);
export type StopCause = (typeof stopCauses)[number];

/** The statuses that this build knows. */
export const launchStatuses = ['succeeded', 'failed', 'stopped'] as const;

/** How a launch ended: `stopped` can be resumed, `succeeded` is done, `failed` gave up. */
export const launchStatus = openEnum(launchStatuses);
export type LaunchStatus = (typeof launchStatuses)[number];

/** `launches/<n>/outcome.json`: written once (If-None-Match); an agent that finds it finishes the clean-up and powers off. */
export const launchOutcome = versioned.extend({
  run: runId,
  launch: launchNumber,
  status: launchStatus,
  cause: openEnum([...stopCauses, 'crashes', 'interruptions', 'boot-failed', 'laptop']),
  /** For people: what happened and why the launch ended. */
  message: z.string(),
  /** The words of a failure with which the output of a workload ends that left with 0; left out where it ends otherwise. */
  hiddenFailure: z.string().optional(),
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

/** `boot/<launch>-<machine>.json`: a boot that failed before the agent. Written by the boot script, so it stays this plain. */
export const bootFailure = versioned.extend({
  run: runId,
  launch: launchNumber,
  machineId: z.string(),
  stage: z.string(),
  message: z.string(),
  at: timestamp,
});
export type BootFailure = z.output<typeof bootFailure>;
