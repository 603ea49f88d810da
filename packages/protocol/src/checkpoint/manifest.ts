import * as z from 'zod';
import { generation, nodeIndex, nonce, sealed, timestamp, versioned } from '../codec.ts';

export const sequence = z.number().int().min(1);

/** Part grid of uploads, in bytes, whatever the transfer uses: equal parts of two checkpoints can be copied inside S3. */
export const PART_SIZE_BYTES = 8 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const manifestFile = z.object({
  /** Relative to the checkpoint folder, with `/`; never absolute, never climbing. */
  path: z.string().min(1),
  key: z.string().min(1),
  /** Whose it is, in runs of several machines. Two nodes may have different files of one path. */
  node: nodeIndex.optional(),
  sizeBytes: z.number().int().nonnegative(),
  /** Hex. Of a file of one part its plain SHA-256, else S3's composite form: SHA-256 over the parts' binary digests. */
  sha256,
  mode: z.number().int(),
  partSizeBytes: z.number().int().positive(),
  /** CRC32 of each part, base64 as S3 has it. */
  partCrc32: z.array(z.string()),
  /** SHA-256 of each part, hex: tells equal parts of two checkpoints. */
  partSha256: z.array(sha256),
});
export type ManifestFile = z.output<typeof manifestFile>;

/** What a script tells of its training in the progress file, by name. */
export const metrics = z.record(z.string(), z.number());
export type Metrics = z.output<typeof metrics>;

/** What lay in the checkpoint folder and is not restored: up to five names, the newest first, and how many there are. */
export const leftBehind = z.object({
  names: z.array(z.string()).max(5),
  count: z.number().int().positive(),
});
export type LeftBehind = z.output<typeof leftBehind>;

/** `manifests/<gen>-<seq>.json`: the commit record of a checkpoint. Committed once `latest.json` names it. */
export const manifest = sealed(
  versioned.extend({
    generation,
    seq: sequence,
    nonce,
    /** Step of the training that the checkpoint holds; null when nothing told it. */
    step: z.number().int().nonnegative().nullable(),
    /** Key of the manifest that was the latest before this one. */
    previous: z.string().nullable(),
    recogniser: z.string(),
    /** Why the recogniser called it complete, for people. */
    evidence: z.string(),
    /** What RUNCTL_RESUME_FROM names, relative to the checkpoint folder; `.` is the folder itself. */
    entry: z.string().min(1),
    nodes: z.array(nodeIndex).min(1),
    files: z.array(manifestFile).min(1),
    /** Numbers that the script told beside its step when this was saved, by name; left out when it told none. */
    metrics: metrics.optional(),
    /** Keys of earlier manifests whose files belong to this one's state; pruning keeps them while this one is kept. */
    companions: z.array(z.string()).optional(),
    /** The script was seen to delete old saves itself: what it leaves in the folder is part of its state. */
    ownRetention: z.literal(true).optional(),
    /** What lay beside it and is not restored with it; left out when there was nothing. */
    leftBehind: leftBehind.optional(),
    /** When the newest of its files was last written, by the machine's clock. */
    savedAt: timestamp,
    at: timestamp,
  }),
);
export type Manifest = z.output<typeof manifest>;

/** `latest.json`: pointer to a manifest, compare-and-set. It and the chain of `previous` are the only authority. */
export const latestPointer = sealed(
  versioned.extend({
    manifest: z.string(),
    generation,
    seq: sequence,
    step: z.number().int().nonnegative().nullable(),
    at: timestamp,
    nonce,
    /** Set when a generation's first pointer is older in steps than the one before, because a newer checkpoint could not be used. */
    fellBackFromStep: z.number().int().nullable(),
  }),
);
export type LatestPointer = z.output<typeof latestPointer>;

/** `reading/<gen>-<seq>-<nonce>.json`: somebody downloads this checkpoint, so it is not deleted. Counts for an hour after it was written. */
export const readingMark = versioned.extend({ manifest: z.string(), at: timestamp, nonce });
