import * as z from 'zod';
import {
  attemptNotice,
  attemptOutcome,
  attemptPhase,
  attemptStarted,
  attemptStatus,
  drainReport,
} from '../attempt/attempt.ts';
import { latestPointer } from '../checkpoint/manifest.ts';
import { generation, nodeIndex } from '../codec.ts';
import { bootFailure } from '../launch/launch.ts';
import { leaseDocument } from '../run/lease.ts';
import { runSpec } from '../run/run-spec.ts';
import { machineView } from './machine-view.ts';

const state = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['launching', 'provisioning', 'recovering']) }),
  z.object({ kind: z.literal('boot-failing'), failures: z.number(), reason: z.string() }),
  z.object({ kind: z.literal('active'), phase: attemptPhase, doing: z.string() }),
  z.object({ kind: z.literal('silent'), phase: attemptPhase, silentMs: z.number() }),
  z.object({ kind: z.enum(['succeeded', 'failed', 'stopped']), message: z.string() }),
  /** Ended with a status that this build does not know. */
  z.object({ kind: z.literal('ended'), status: z.string(), message: z.string() }),
  /** An older runctl launched it, whose documents this one does not read. */
  z.object({ kind: z.literal('older') }),
]);

const unheard = z.object({ until: z.string().nullable(), mostUsd: z.number().nullable() }).nullable();

/** One run of a list: what its newest documents say. */
const run = z.object({
  type: z.literal('run'),
  run: z.string(),
  name: z.string().nullable(),
  /** What a list calls the workload. */
  workload: z.string(),
  createdAt: z.string(),
  state,
  step: z.number().nullable(),
  durableStep: z.number().nullable(),
  machineType: z.string().nullable(),
  location: z.string().nullable(),
  market: z.string().nullable(),
  pricePerHourUsd: z.number().nullable(),
  spentUsd: z.number().nullable(),
  interruptions: z.number().nullable(),
  /** Age of the newest heartbeat; null when there is none. */
  heartbeatAgeMs: z.number().nullable(),
  /** How long it waits for a machine, by the newest document; null when it does not. Only `status RUN` asks the provider. */
  waitingMs: z.number().nullable(),
  /** Nothing was ever asked for: resume it. What else is stranded, `status RUN` tells. */
  stranded: z.boolean(),
  /** What it may cost when its machines boot and never speak, where its first agent is overdue; null else. */
  unheard,
});

const observed = <Document extends z.ZodType>(document: Document) =>
  z.object({ document, ageMs: z.number(), lastModifiedMs: z.number() }).nullable();

/** One run, with all that the bucket and the provider say of it. */
const runDetail = z.object({
  type: z.literal('run-detail'),
  run: z.string(),
  name: z.string().nullable(),
  createdAt: z.string(),
  readAt: z.string(),
  state,
  durable: z.object({ step: z.number().nullable(), savedAt: z.string(), ageMs: z.number() }).nullable(),
  /** For people: what is damaged or missing, and what a resume does then. */
  damaged: z.array(z.string()),
  /** Work that would be lost if the machine died now; null when nothing tells. */
  atRiskMs: z.number().nullable(),
  atRiskUsd: z.number().nullable(),
  pricePerHourUsd: z.number().nullable(),
  spentUsd: z.number().nullable(),
  /** What the provider says. */
  provider: z.object({
    name: z.string(),
    /** How the run gets another machine after one was lost. */
    recovers: z.enum(['by-itself', 'watched', 'no']),
    /** What makes machines of the newest launch; null when there is none. */
    capacity: z
      .object({
        id: z.string(),
        status: z.enum(['active', 'ending', 'ended', 'unknown']),
        wanted: z.number(),
        running: z.number(),
        /** The provider's own word for the state. */
        providerWord: z.string().nullable(),
      })
      .nullable(),
    machines: z.array(machineView),
    /** What is said why there is no machine yet, each once. */
    errors: z.array(z.string()),
    /** Why nobody could be asked; null when somebody was. */
    problem: z.string().nullable(),
    /** For people: which promises of runctl do not hold with this provider, and why. */
    missing: z.array(z.string()),
  }),
  /** No machine lives and none will come, and nobody wrote how the launch ended. */
  stranded: z.boolean(),
  /** The run has ended, and something of it is left that should be gone by now. */
  leftover: z.boolean(),
  /** What it may cost where machines of the newest launch run, or ran, and no agent of it has spoken; null else. */
  unheard,
  tookMs: z.number(),
  heartbeatAgeMs: z.number().nullable(),
  spec: runSpec,
  /** With the documents of each launch, under their own names. */
  launches: z.array(z.looseObject({ launch: z.number() })),
  attempts: z.array(
    z.object({
      generation,
      node: nodeIndex,
      started: attemptStarted.nullable(),
      notice: attemptNotice.nullable(),
      drain: drainReport.nullable(),
      drainedAt: z.string().nullable(),
      outcome: attemptOutcome.nullable(),
      status: observed(attemptStatus),
    }),
  ),
  boots: z.array(bootFailure),
  latest: observed(latestPointer),
  lease: observed(leaseDocument),
});

/** What the agent itself answers. */
const liveStatus = z.object({
  type: z.literal('live-status'),
  machineId: z.string(),
  via: z.enum(['websocket', 'ssh', 'shell']),
  status: attemptStatus,
});

/** One thing that happened to a run, with the time that whoever saw it gave it. */
const happened = z.object({
  type: z.literal('happened'),
  at: z.string(),
  kind: z.string(),
  text: z.string(),
  /** Machine or person it came from. */
  source: z.string(),
});

export const statusEvents = [run, runDetail, liveStatus, happened] as const;

export type HappenedEvent = z.output<typeof happened>;
