import { runIdPattern } from '@runctl/core';
import * as z from 'zod';
import { timestamp, versioned } from '../codec.ts';
import { defaultRetention, retentionPolicy } from './retention.ts';

/** How fast the parts of a run turn. A rehearsal shortens them; a real run keeps `defaultTiming`. All in milliseconds. */
export const timing = z.object({
  leaseTtlMs: z.number().int().positive(),
  leaseRenewMs: z.number().int().positive(),
  /** A holder stops publishing this long after it sent its last good renewal. */
  publishWithinMs: z.number().int().positive(),
  heartbeatMs: z.number().int().positive(),
  controlPollMs: z.number().int().positive(),
  imdsPollMs: z.number().int().positive(),
  logShipMs: z.number().int().positive(),
  /** A file that has not changed for this long and has no writer counts as still. */
  settleMs: z.number().int().positive(),
  /** Length of a notice, used when the time in it cannot be read. */
  noticeMs: z.number().int().positive(),
  /** Kept free before a notice's deadline. */
  deadlineMarginMs: z.number().int().nonnegative(),
  flushReserveMs: z.number().int().nonnegative(),
  reportReserveMs: z.number().int().nonnegative(),
  /** Past a deadline by this much, a machine that still lives tries for the lease again. */
  survivalMs: z.number().int().positive(),
  /** A user-data boot that has not reached the agent by then powers the machine off. */
  bootGuardMs: z.number().int().positive(),
  /** Pause before a crashed workload is started again, doubled with each crash. */
  crashBackoffMs: z.number().int().nonnegative(),
  /** The same failure twice within this time of the start means: give up. */
  earlyFailureMs: z.number().int().nonnegative(),
});
export type Timing = z.output<typeof timing>;

export const defaultTiming: Timing = {
  leaseTtlMs: 60_000,
  leaseRenewMs: 15_000,
  publishWithinMs: 45_000,
  heartbeatMs: 15_000,
  controlPollMs: 5000,
  imdsPollMs: 1000,
  logShipMs: 5000,
  settleMs: 2000,
  noticeMs: 120_000,
  deadlineMarginMs: 5000,
  flushReserveMs: 20_000,
  reportReserveMs: 5000,
  survivalMs: 30_000,
  bootGuardMs: 900_000,
  crashBackoffMs: 10_000,
  earlyFailureMs: 60_000,
};

/** Timing of a rehearsal in which two minutes of a notice last 120 s × `scale`. Polls and pauses keep a floor that machines can hold. */
export function scaledTiming(scale: number): Timing {
  if (scale >= 1) return defaultTiming;
  const scaled = (ms: number, floorMs: number): number => Math.round(Math.max(Math.min(ms, floorMs), ms * scale));
  const leaseTtlMs = scaled(defaultTiming.leaseTtlMs, 6000);
  return {
    ...defaultTiming,
    leaseTtlMs,
    leaseRenewMs: Math.round(leaseTtlMs / 4),
    publishWithinMs: Math.round((leaseTtlMs * 3) / 4),
    heartbeatMs: scaled(defaultTiming.heartbeatMs, 1000),
    controlPollMs: scaled(defaultTiming.controlPollMs, 500),
    imdsPollMs: scaled(defaultTiming.imdsPollMs, 200),
    logShipMs: scaled(defaultTiming.logShipMs, 500),
    settleMs: scaled(defaultTiming.settleMs, 300),
    noticeMs: Math.round(defaultTiming.noticeMs * scale),
    deadlineMarginMs: scaled(defaultTiming.deadlineMarginMs, 500),
    flushReserveMs: scaled(defaultTiming.flushReserveMs, 1500),
    reportReserveMs: scaled(defaultTiming.reportReserveMs, 1000),
    survivalMs: scaled(defaultTiming.survivalMs, 3000),
    bootGuardMs: scaled(defaultTiming.bootGuardMs, 60_000),
    crashBackoffMs: scaled(defaultTiming.crashBackoffMs, 200),
    earlyFailureMs: defaultTiming.earlyFailureMs,
  };
}

export const runId = z.string().regex(runIdPattern);

/** `runs/<run>/spec.json`: what to run; immutable. */
export const runSpec = versioned.extend({
  run: runId,
  name: z.string().nullable(),
  createdAt: timestamp,
  /** Who launched it, `user@host`. */
  launchedBy: z.string(),
  nodes: z.number().int().min(1),
  project: z.object({
    name: z.string().min(1),
    treeHash: z.string(),
    /** Archive of the snapshot: gzip'd tar. */
    archiveKey: z.string(),
    archiveSha256: z.string(),
    archiveSizeBytes: z.number().int(),
  }),
  workload: z.object({
    /** Path inside the project, with `/`. */
    script: z.string().min(1),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    /** Command that runs the script, `["python3"]`; empty when the script is itself executable. */
    interpreter: z.array(z.string()),
  }),
  checkpoint: z.object({
    /** Relative to the project, or absolute on the instance. */
    dir: z.string().min(1),
    resume: z.enum(['auto', 'never']),
    /** How the path of what to resume from reaches the script besides RUNCTL_RESUME_FROM: `--resume {path}`. */
    resumeArgument: z.string().nullable(),
    keep: retentionPolicy.default(defaultRetention),
  }),
  policy: z.object({
    /** Shortens the time the script has after SIGTERM; null = the whole window. */
    graceMs: z.number().int().nonnegative().nullable(),
    budgetUsd: z.number().positive().nullable(),
    maxInterruptions: z.number().int().nonnegative().nullable(),
    maxCrashes: z.number().int().nonnegative(),
  }),
  timing,
  tools: z.object({ agentKey: z.string(), agentSha256: z.string(), nodeKey: z.string(), nodeSha256: z.string() }),
});
export type RunSpec = z.output<typeof runSpec>;

/** `names/<name>`: made once with If-None-Match, so that a name belongs to one run. */
export const nameDocument = versioned.extend({ run: runId, createdAt: timestamp, nonce: z.string() });

/** `index/<inverted ms>-<run>`. */
export const indexDocument = versioned.extend({
  run: runId,
  name: z.string().nullable(),
  script: z.string(),
  createdAt: timestamp,
});
