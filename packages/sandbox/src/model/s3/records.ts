import * as z from 'zod';
import { checksumAlgorithms } from './checksums.ts';

/** Everything that a bucket remembers, as it stands in the journal: one JSON line each. */

const segment = z.object({ blob: z.string(), sizeBytes: z.number() });
const checksum = z.object({
  algorithm: z.enum(checksumAlgorithms),
  value: z.string(),
  type: z.enum(['FULL_OBJECT', 'COMPOSITE']),
});
const texts = z.record(z.string(), z.string());

const part = z.object({
  number: z.number(),
  etag: z.string(),
  sizeBytes: z.number(),
  lastModifiedMs: z.number(),
  segments: z.array(segment).readonly(),
  /** Base64, of the upload's algorithm. */
  checksum: z.string(),
});

const version = z.object({
  versionId: z.string(),
  lastModifiedMs: z.number(),
  deleteMarker: z.boolean().optional(),
  /** Without quotes. */
  etag: z.string(),
  sizeBytes: z.number(),
  segments: z.array(segment).readonly(),
  /** Headers that come back as they were sent: content-type, cache-control and the like. */
  headers: texts,
  metadata: texts,
  tags: texts,
  checksum: checksum.optional(),
  parts: z
    .array(z.object({ number: z.number(), sizeBytes: z.number(), checksum: z.string() }))
    .readonly()
    .optional(),
});

const upload = z.object({
  uploadId: z.string(),
  key: z.string(),
  initiatedMs: z.number(),
  headers: texts,
  metadata: texts,
  tags: texts,
  algorithm: z.enum(checksumAlgorithms),
  checksumType: z.enum(['FULL_OBJECT', 'COMPOSITE']),
  /** Whether the client named the algorithm; S3 is stricter about such uploads and shows their checksums. */
  algorithmNamed: z.boolean(),
});

export const bucketChangeSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('bucket'), name: z.string(), createdMs: z.number(), location: z.string() }),
  z.object({ type: z.literal('setting'), name: z.string(), value: z.string().nullable() }),
  z.object({ type: z.literal('version'), key: z.string(), version, uploadId: z.string().optional() }),
  z.object({ type: z.literal('tags'), key: z.string(), versionId: z.string(), tags: texts }),
  z.object({ type: z.literal('remove'), key: z.string(), versionId: z.string() }),
  z.object({ type: z.literal('upload'), upload }),
  z.object({ type: z.literal('part'), uploadId: z.string(), part }),
  z.object({ type: z.literal('abort'), uploadId: z.string() }),
]);

export type BucketChange = z.infer<typeof bucketChangeSchema>;
export type ObjectVersion = z.infer<typeof version>;
export type UploadRecord = z.infer<typeof upload>;
export type PartRecord = z.infer<typeof part>;
