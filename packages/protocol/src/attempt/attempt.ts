import * as z from 'zod';
import { generation, launchNumber, nodeIndex, openEnum, timestamp, versioned } from '../codec.ts';
import { leftBehind } from '../checkpoint/manifest.ts';
import { fit } from './fit.ts';
import { stopping } from './stopping.ts';
import { stopCause } from '../launch/launch.ts';
import { market } from '../offer.ts';

const place = {
  generation,
  node: nodeIndex,
  launch: launchNumber,
  machineId: z.string(),
};

/** The program that runs the workload's code, as the machine has it; null where that is not known. */
const interpreter = z
  .object({
    path: z.string(),
    /** Its own word, such as `Python 3.12.3`; null where it was not asked. */
    version: z.string().nullable(),
  })
  .nullable()
  .default(null);

/** `attempts/<gen>/<node>/started.json`. */
export const attemptStarted = versioned.extend({
  ...place,
  at: timestamp,
  machineType: z.string(),
  location: z.string(),
  market,
  pricePerHourUsd: z.number().nullable(),
  /** What it resumed from: null for a start from nothing. */
  resumedFrom: z
    .object({
      manifest: z.string(),
      step: z.number().nullable(),
      warnings: z.array(z.string()),
      /** What the life before had in the folder and this one has not; left out when there is nothing. */
      leftBehind: leftBehind.optional(),
    })
    .nullable(),
  agentVersion: z.string(),
  interpreter,
  /** How long each stage of getting here took. */
  stagesMs: z.record(z.string(), z.number()),
});
export type AttemptStarted = z.output<typeof attemptStarted>;

/** `notice.json`: the first sight of a notice. */
export const attemptNotice = versioned.extend({
  ...place,
  at: timestamp,
  action: z.string(),
  /** Time until the deadline at first sight. */
  windowMs: z.number(),
  step: z.number().nullable(),
  durableStep: z.number().nullable(),
});
export type AttemptNotice = z.output<typeof attemptNotice>;

/** What happened between a stop and the last byte; times count from the stop's first sight. Null = did not happen. */
export const drainReport = z.object({
  cause: stopCause,
  windowMs: z.number().nullable(),
  noticeToSigtermMs: z.number().nullable(),
  sigtermToFirstWriteMs: z.number().nullable(),
  sigtermToLastWriteMs: z.number().nullable(),
  sigtermToExitMs: z.number().nullable(),
  /**
   * Whether a process that could save caught SIGTERM when it was sent; null where that is unknown, and where the agent is older
   * than this field.
   */
  caughtTerm: z.boolean().nullable().default(null),
  killed: z.boolean(),
  flushMs: z.number().nullable(),
  /**
   * Whether a checkpoint that was saved after SIGTERM is durable. False with an empty `notDurable`: none appeared; else one
   * may have, and `notDurable` says what became of it.
   */
  newCheckpoint: z.boolean(),
  stepAtStop: z.number().nullable(),
  durableStep: z.number().nullable(),
  /** Complete checkpoints that could not be made durable in time, with why. */
  notDurable: z.array(z.string()),
});
export type DrainReport = z.output<typeof drainReport>;

/** `drained.json`. */
export const attemptDrained = versioned.extend({ ...place, at: timestamp, drain: drainReport });
export type AttemptDrained = z.output<typeof attemptDrained>;

const attemptStatusNames = ['succeeded', 'failed', 'stopped', 'interrupted', 'fenced'] as const;
export const attemptStatusName = openEnum(attemptStatusNames);
export type AttemptStatusName = (typeof attemptStatusNames)[number];

/** `outcome.json`: how one life ended. Status and cause are different facts. */
export const attemptOutcome = versioned.extend({
  ...place,
  at: timestamp,
  status: attemptStatusName,
  cause: stopCause,
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  message: z.string(),
  step: z.number().nullable(),
  durableStep: z.number().nullable(),
  ranMs: z.number(),
  costUsd: z.number().nullable(),
  /** Uncompressed bytes of log that the bucket has; where a deadline cut the last answer off, it may have more. */
  logBytes: z.number().int().nonnegative(),
});
export type AttemptOutcome = z.output<typeof attemptOutcome>;

const attemptPhases = [
  'waiting',
  'preparing',
  'running',
  'draining',
  'flushing',
  'reporting',
  'ended',
  'backoff',
] as const;
export const attemptPhase = openEnum(attemptPhases);
export type AttemptPhase = (typeof attemptPhases)[number];

/** `status.json`: the heartbeat, and once there is an attempt the answer of `runctl-agent status --json`. */
export const attemptStatus = versioned.extend({
  ...place,
  run: z.string(),
  at: timestamp,
  phase: attemptPhase,
  phaseSince: timestamp,
  /** Present continuous, for people: `downloading checkpoint 12,000 (1.2 of 4.0 GiB)`. */
  doing: z.string(),
  pid: z.number().nullable(),
  /**
   * What the workload that runs is like, or the one that ran last; null before one runs, and where the agent is older than this
   * field.
   */
  workload: z
    .object({
      /**
       * Whether a process of it catches SIGTERM, so that it could save at one; null where that is unknown, as it is while a
       * script may not have come to set its handler yet, and where the script ignores it.
       */
      catchesTerm: z.boolean().nullable(),
      /**
       * Whether nothing catches SIGTERM and the script ignores it, so that it may save when the preempt file appears; false
       * where the agent is older than this field.
       */
      ignoresTerm: z.boolean().default(false),
      /** How surely nothing that it starts outlives it. */
      containment: openEnum(['control-group', 'best-effort']),
      /** The program of the process that SIGTERM reaches first. */
      program: z.string().nullable(),
      /** Why that one, for people; null where that is not known, and where the agent is older than this field. */
      reason: z.string().nullable().default(null),
    })
    .nullable()
    .default(null),
  interpreter,
  step: z.number().nullable(),
  stepSource: openEnum(['file', 'log', 'unknown']),
  /** The line of the log that the step was read in; null for other sources, and where the agent is older than this field. */
  stepEvidence: z.string().nullable().default(null),
  /** The durable checkpoint, and how old its content is. */
  durable: z
    .object({ manifest: z.string(), step: z.number().nullable(), savedAt: timestamp, at: timestamp })
    .nullable(),
  /** Time of work that would be lost if the machine died now without a word. */
  atRiskMs: z.number().nullable(),
  /** Null where the agent is older than this field. */
  fit: fit.nullable().default(null),
  /** What is kept of the output folder, and since when; null before the first look, and where the run keeps none. */
  output: z.object({ files: z.number().int(), sizeBytes: z.number(), at: timestamp }).nullable().default(null),
  uploads: z.array(z.object({ path: z.string(), sentBytes: z.number(), sizeBytes: z.number() })),
  /** The last wish for a checkpoint that was seen through: all that was complete by then is durable, or is refused. */
  savedFor: z
    .object({ nonce: z.string(), at: timestamp, notDurable: z.array(z.string()) })
    .nullable()
    .default(null),
  /** A stop at which nothing presses, while the script has time to save; null else, and where the agent is older than this field. */
  stopping: stopping.nullable().default(null),
  notice: z.object({ action: z.string(), deadlineInMs: z.number() }).nullable(),
  lease: z.object({ state: z.string(), generation: z.number().nullable(), renewedAgoMs: z.number().nullable() }),
  budget: z.object({ spentUsd: z.number().nullable(), limitUsd: z.number().nullable() }),
  pricePerHourUsd: z.number().nullable(),
  market,
  machineType: z.string(),
  location: z.string(),
  interruptions: z.number().int(),
  crashes: z.number().int(),
  logBytes: z.number().int().nonnegative(),
  /** What a user should know and cannot see elsewhere. */
  warnings: z.array(z.string()),
});
export type AttemptStatus = z.output<typeof attemptStatus>;

/**
 * What an agent has to tell before it has an attempt. On its own machine only: in the bucket a heartbeat belongs to a
 * generation.
 */
export const waitingStatus = attemptStatus
  .pick({
    version: true,
    run: true,
    launch: true,
    node: true,
    machineId: true,
    at: true,
    phase: true,
    phaseSince: true,
    doing: true,
    notice: true,
    lease: true,
    pricePerHourUsd: true,
    market: true,
    machineType: true,
    location: true,
    warnings: true,
  })
  .extend({ generation: z.null() });
export type WaitingStatus = z.output<typeof waitingStatus>;

/** The answer of `runctl-agent status --json`. */
export const agentStatus = z.union([attemptStatus, waitingStatus]);
export type AgentStatus = z.output<typeof agentStatus>;
