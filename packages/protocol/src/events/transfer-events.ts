import * as z from 'zod';

const progressAmounts = {
  /** Moved, or there from an earlier try. */
  doneBytes: z.number(),
  totalBytes: z.number(),
  doneFiles: z.number(),
  totalFiles: z.number(),
  /** Over the last ten seconds; null before anything can be said. */
  bytesPerSecond: z.number().nullable(),
  leftMs: z.number().nullable(),
};

/** How far a transfer is. */
const progress = z.object({
  type: z.literal('progress'),
  ...progressAmounts,
  /** Of the checkpoint that is brought here. */
  step: z.number().nullable().optional(),
});

const actionFields = {
  kind: z.enum(['upload', 'download', 'keep', 'delete-local', 'delete-remote', 'conflict']),
  path: z.string(),
  sizeBytes: z.number(),
  /** For people. */
  why: z.string(),
};

const comparing = z.object({ type: z.literal('comparing'), files: z.number(), bytes: z.number() });

/** A name that can't be taken, or a file that is left out. */
const passedBy = z.object({ type: z.enum(['refused', 'skipped']), path: z.string(), why: z.string() });

const movedFields = {
  ...actionFields,
  /** Bytes that went over the network; the others were there from an earlier try. */
  movedBytes: z.number(),
  /** What a download was held against; null for what is deleted. */
  verified: z.string().nullable(),
};

const file = z.object({ type: z.literal('file'), ...movedFields });

/** What a dry run would do with one file. */
const planned = z.object({ type: z.literal('planned'), ...actionFields });

const failed = z.object({ type: z.literal('failed'), ...actionFields, error: z.string() });

const named = z.object({ path: z.string(), why: z.string() });

/** One pass of a folder that is kept in step with a bucket. */
const pass = z.object({
  type: z.literal('pass'),
  result: z.object({
    plan: z.array(z.object(actionFields)).readonly(),
    moved: z.array(z.object(movedFields)).readonly(),
    failed: z.array(z.object({ ...actionFields, error: z.string() })).readonly(),
    refused: z.array(named).readonly(),
    skipped: z.array(named).readonly(),
    movedBytes: z.number(),
    /** Sent or fetched by an earlier try that was cut off. */
    knownBytes: z.number(),
    tookMs: z.number(),
  }),
});

/** The bucket could not be asked; the next look catches up. */
const unreachable = z.object({ type: z.literal('unreachable'), message: z.string() });

const transferred = z.object({
  type: z.literal('transferred'),
  from: z.string(),
  to: z.string(),
  dryRun: z.boolean(),
  uploaded: z.number(),
  downloaded: z.number(),
  deleted: z.number(),
  kept: z.number(),
  conflicts: z.number(),
  failed: z.number(),
  refused: z.number(),
  skipped: z.number(),
  /** Objects without a checksum: only their length was held against what came. */
  unverified: z.number(),
  movedBytes: z.number(),
  knownBytes: z.number(),
  tookMs: z.number(),
});

/** Objects were copied inside one bucket. */
const copied = z.object({
  type: z.literal('copied'),
  objects: z.number(),
  bytes: z.number(),
  kept: z.number(),
  dryRun: z.boolean(),
});

export const transferEvents = [
  progress,
  comparing,
  passedBy,
  file,
  planned,
  failed,
  pass,
  unreachable,
  transferred,
  copied,
] as const;

export type ProgressEvent = z.output<typeof progress>;

export type UnreachableEvent = z.output<typeof unreachable>;

/** What came of a transfer. */
export type TransferResult = z.output<typeof pass>['result'];

/** What a transfer shows. */
export type TransferEvent =
  ProgressEvent | z.output<typeof comparing> | z.output<typeof passedBy> | z.output<typeof file>;

/** What keeping a folder in step with a bucket shows. */
export type StepEvent = TransferEvent | z.output<typeof pass> | UnreachableEvent;
