import * as z from 'zod';
import type { Shown } from './shown.ts';
import type { AskedEvent } from './stop-events.ts';
import type { ProgressEvent } from './transfer-events.ts';

const step = z.number().nullable();

/** A checkpoint in a folder of this computer. */
const inFolder = z.object({
  type: z.literal('checkpoint'),
  entry: z.string(),
  recogniser: z.string(),
  step,
  sizeBytes: z.number(),
  fileCount: z.number(),
  savedAt: z.string(),
  /** `settling`: waiting may complete it; `torn`: waiting will not. */
  state: z.enum(['complete', 'settling', 'torn']),
  why: z.string(),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number() })).optional(),
  companions: z.array(z.string()).optional(),
});

const named = {
  type: z.literal('checkpoint'),
  run: z.string(),
  /** `<generation>-<seq>`, which names it in commands. */
  checkpoint: z.string(),
  /** Key of its manifest. */
  manifest: z.string(),
};

/** A checkpoint of a run, in the bucket. */
const inBucket = z.object({
  ...named,
  state: z.enum(['latest', 'committed', 'never committed', 'unknown']),
  generation: z.number(),
  seq: z.number(),
  step,
  recogniser: z.string(),
  entry: z.string(),
  why: z.string(),
  sizeBytes: z.number(),
  fileCount: z.number(),
  savedAt: z.string(),
  at: z.string(),
  nodes: z.array(z.number()),
  files: z.array(z.object({ path: z.string(), key: z.string(), sizeBytes: z.number(), sha256: z.string() })).optional(),
});

const unreadable = z.object({ ...named, state: z.literal('unreadable'), problem: z.string().nullable() });

const checkpoint = z.discriminatedUnion('state', [inFolder, inBucket, unreadable]);

/** A file that is part of no checkpoint. */
const passedOver = z.object({ type: z.literal('passed-over'), path: z.string(), why: z.string() });

const verified = z.object({
  type: z.literal('verified'),
  run: z.string(),
  checkpoint: z.string(),
  step,
  fileCount: z.number(),
  verifiedBytes: z.number(),
  /** What does not hold; empty = every byte is as it was saved. */
  problems: z.array(z.string()),
});

const uploading = z.object({ type: z.literal('uploading'), sentBytes: z.number(), sizeBytes: z.number() });

const saved = z.object({
  type: z.literal('saved'),
  run: z.string(),
  durableStepBefore: step,
  durableStep: step,
  /** When the script wrote it. */
  savedAt: z.string().nullable(),
  step,
  /** Complete checkpoints that could not be made durable, with why. */
  notDurable: z.array(z.string()),
});

const wouldPull = z.object({
  type: z.literal('would-pull'),
  manifest: z.string(),
  step,
  folder: z.string(),
  bytes: z.number(),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
  warnings: z.array(z.string()),
});

const pulled = z.object({
  type: z.literal('pulled'),
  run: z.string(),
  manifest: z.string(),
  step,
  entryPath: z.string(),
  bytes: z.number(),
  warnings: z.array(z.string()),
  /** Manifests that did not hold, and were passed over for an earlier one. */
  rejected: z.array(z.string()),
  tookMs: z.number(),
});

const outputFiles = z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() }));

const wouldPullOutput = z.object({
  type: z.literal('would-pull-output'),
  run: z.string(),
  folder: z.string(),
  /** When the run kept something last. */
  at: z.string(),
  bytes: z.number(),
  files: outputFiles,
});

const pulledOutput = z.object({
  type: z.literal('pulled-output'),
  run: z.string(),
  folder: z.string(),
  at: z.string(),
  bytes: z.number(),
  files: outputFiles,
  warnings: z.array(z.string()),
  tookMs: z.number(),
});

/** The command that a resume on this computer would run. */
const wouldRun = z.object({
  type: z.literal('would-run'),
  command: z.string(),
  args: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
});

export const checkpointEvents = [
  checkpoint,
  passedOver,
  verified,
  uploading,
  saved,
  wouldPull,
  pulled,
  wouldPullOutput,
  pulledOutput,
  wouldRun,
] as const;

export type CheckpointEvent = Shown<z.output<typeof checkpoint>>;

/** What making a run's checkpoint durable shows. */
export type SaveEvent = AskedEvent | z.output<typeof uploading>;

export type VerifiedEvent = z.output<typeof verified>;

/** What verifying checkpoints shows. */
export type VerifyEvent = ProgressEvent | VerifiedEvent;
