import * as z from 'zod';
import type { UnreachableEvent } from './transfer-events.ts';

const amount = z.object({ objects: z.number(), bytes: z.number() });

const folder = z.object({ type: z.literal('folder'), key: z.string() });

const object = z.object({
  type: z.literal('object'),
  key: z.string(),
  sizeBytes: z.number(),
  modifiedAt: z.string(),
  etag: z.string(),
});

const appeared = z.object({
  type: z.enum(['new', 'changed']),
  key: z.string(),
  sizeBytes: z.number(),
  modifiedAt: z.string(),
});

const gone = z.object({ type: z.literal('gone'), key: z.string() });

const review = z.object({
  type: z.literal('review'),
  total: amount,
  runs: z.array(
    z.object({
      /** What stands before `runs/`: empty, or ends with `/`. */
      base: z.string(),
      run: z.string(),
      total: amount,
      checkpoints: z.number(),
      data: amount,
      logs: amount,
      /** By S3's clock. */
      oldestMs: z.number(),
      newestMs: z.number(),
      /** Why it must stay; null when it has ended, and could be deleted as a whole. */
      alive: z.string().nullable(),
      /** Data of checkpoints that were never finished, in a run that has ended: nothing can ever use it. */
      orphans: amount,
    }),
  ),
  folders: z.array(z.object({ name: z.string(), total: amount, oldestMs: z.number(), newestMs: z.number() })),
  /** Billed until somebody aborts them; no listing shows them. */
  uploads: z.array(z.object({ key: z.string(), bytes: z.number(), begunMs: z.number() })),
});

/** What a clean-up does with one checkpoint, object or folder. */
const decision = z.object({
  type: z.enum(['keep', 'delete']),
  name: z.string(),
  /** Null where it is not known without reading. */
  sizeBytes: z.number().nullable(),
  why: z.string(),
  objects: z.number().optional(),
  ageMs: z.number().optional(),
});

const cleanedUp = z.object({
  type: z.literal('cleaned-up'),
  /** How many were to go. */
  doomed: z.number(),
  deleted: z.number(),
  bytes: z.number().optional(),
  dryRun: z.boolean(),
});

export const bucketEvents = [folder, object, appeared, gone, review, decision, cleanedUp] as const;

/** What listing a place in a bucket gives. */
export type ListedEvent = z.output<typeof folder> | z.output<typeof object>;

/** What changes in a bucket. */
export type ObjectEvent = z.output<typeof appeared> | z.output<typeof gone> | UnreachableEvent;
