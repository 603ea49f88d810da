import * as z from 'zod';
import {
  attemptNotice,
  attemptOutcome,
  attemptPhase,
  attemptStarted,
  attemptStatus,
  drainReport,
} from '../attempt/attempt.ts';
import { fit } from '../attempt/fit.ts';
import { lifeEvent } from '../attempt/life-event.ts';
import { stopping } from '../attempt/stopping.ts';
import { generation, nodeIndex, timestamp } from '../codec.ts';
import { bootFailure, launchOutcome, launchStatus } from '../launch/launch.ts';
import { market } from '../offer.ts';
import type { LogEvent } from './log-events.ts';
import { machineView } from './machine-view.ts';

const life = { generation, node: nodeIndex };

/** The provider can't fill a request for machines now. */
const capacityProblem = z.object({
  type: z.literal('capacity-problem'),
  event: z.object({
    atMs: z.number(),
    kind: z.enum(['error', 'machine', 'state', 'information']),
    /** The provider's own. */
    code: z.string(),
    /** Of the error catalog; null where none fits. */
    errorCode: z.string().nullable(),
    hint: z.string().nullable(),
    message: z.string(),
    machineId: z.string().nullable(),
    /** The type, and the place where the provider names one; null when it is about the whole launch. */
    offer: z.object({ machineType: z.string(), location: z.string().nullable() }).nullable(),
    market: market.nullable(),
    /** The provider tries this offer not before then; null when it does not say. */
    restsUntilMs: z.number().nullable(),
    /** The provider makes no machine of the launch anywhere as long as this lasts. */
    blocksLaunch: z.boolean(),
    /** How long it holds, where its words tell: a quota of 0 is `lasting`, what was just made is `settling`. */
    nature: z.enum(['lasting', 'settling', 'no-reason']).optional(),
  }),
});

const machine = z.object({
  type: z.literal('machine'),
  machine: machineView,
  pricePerHourUsd: z.number().nullable(),
});

const machineEnded = z.object({ type: z.literal('machine-ended'), machine: machineView });

/** A machine that never got as far as the agent. */
const bootFailed = z.object({ type: z.literal('boot-failed'), failure: bootFailure });

const phase = z.object({
  type: z.literal('phase'),
  phase: attemptPhase,
  doing: z.string(),
  machineId: z.string(),
  ...life,
});

/** A life begins. Null where it never said how. */
const attempt = z.object({
  type: z.literal('attempt'),
  attempt: z.number(),
  started: attemptStarted.nullable(),
  /** What the script did instead of resuming; null as long as nothing tells that it did. */
  resumeIgnored: z.string().nullable(),
  ...life,
});

/** Something happened within a life: a crash, another start. */
const withinLife = z.object({ type: z.literal('life-event'), attempt: z.number(), event: lifeEvent, ...life });

const noticed = z.object({ type: z.literal('notice'), notice: attemptNotice, ...life });

const drained = z.object({ type: z.literal('drained'), drain: drainReport, ...life });

const attemptEnded = z.object({
  type: z.literal('attempt-ended'),
  attempt: z.number(),
  outcome: attemptOutcome,
  ...life,
});

/** The next life has begun, and this one never said how it ended. */
const attemptLost = z.object({
  type: z.literal('attempt-lost'),
  attempt: z.number(),
  lastStep: z.number().nullable(),
  ...life,
});

const warning = z.object({ type: z.literal('warning'), text: z.string(), ...life });

/** How far a stop has come that leaves the script the time that its saving takes. */
const savingBeforeStop = z.object({ type: z.literal('stopping'), stopping, at: timestamp, ...life });

/** It is known now whether the last save fits into a notice, or it does not any more. */
const fitKnown = z.object({ type: z.literal('fit'), fit, ...life });

/** The agent should have reported, and has not for this long. */
const silent = z.object({ type: z.literal('silent'), silentMs: z.number(), ...life });

/** What the agent reported just now. */
const status = z.object({ type: z.literal('status'), status: attemptStatus });

const durable = z.object({ type: z.literal('durable'), generation, step: z.number().nullable() });

/** Spot had nothing for this long, so on-demand machines are asked for. */
const onDemand = z.object({ type: z.literal('on-demand'), waitedMs: z.number() });

/** The switch gave no machine: what was asked for was ended, and machines are asked for anew. */
const askedAnew = z.object({
  type: z.literal('asked-anew'),
  /** Under what the provider knows them now. */
  id: z.string(),
  waitedMs: z.number(),
});

/** No machine lives and none will come, and nobody wrote how the launch ended. */
const capacityGone = z.object({
  type: z.literal('capacity-gone'),
  /** The provider's own word; null when it knows nothing of it. */
  state: z.string().nullable(),
  /** What the provider said against a machine, for each offer it named; empty where there was one. */
  reasons: z.array(z.string()),
});

const outcome = z.object({ type: z.literal('outcome'), outcome: launchOutcome });

/** The last line of a command that followed a run to its end. */
const ended = z.object({
  type: z.literal('ended'),
  run: z.string(),
  /** Null when nobody wrote how. */
  status: launchStatus.nullable(),
  exitCode: z.number(),
});

/** The last line of a command that stopped watching; the run goes on. */
const detached = z.object({
  type: z.literal('detached'),
  run: z.string(),
  exitCode: z.number(),
  /** What its machines may cost when they never speak and nobody ends them; null once an agent has spoken, or nothing is known. */
  unheard: z.object({ until: z.string().nullable(), mostUsd: z.number().nullable() }).nullable(),
});

const watched = [
  capacityProblem,
  machine,
  machineEnded,
  bootFailed,
  phase,
  attempt,
  withinLife,
  noticed,
  drained,
  attemptEnded,
  attemptLost,
  warning,
  savingBeforeStop,
  fitKnown,
  silent,
  status,
  durable,
  onDemand,
  askedAnew,
  capacityGone,
  outcome,
] as const;

export const followEvents = [...watched, ended, detached] as const;

/** A life begins in a log. */
export type AttemptBegunEvent = z.output<typeof attempt>;

export type WithinLifeEvent = z.output<typeof withinLife>;

/** What the log of a run over all its lives gives. */
export type ShownLogEvent = LogEvent | AttemptBegunEvent | WithinLifeEvent;

/** What somebody who watches a run sees, in order. */
export type FollowEvent = z.output<(typeof watched)[number]> | LogEvent;
