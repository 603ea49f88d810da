import { randomBytes } from 'node:crypto';
import type { Bucket } from './bucket.ts';
import { judgeWrite, type WriteConditions } from './preconditions.ts';
import type { ObjectVersion } from './records.ts';

/** The id that the next version in this bucket gets. */
export function newVersionId(bucket: Bucket): string {
  return bucket.isVersioned ? randomBytes(24).toString('base64url') : 'null';
}

export interface VersionWrite {
  readonly key: string;
  readonly version: ObjectVersion;
  readonly conditions: WriteConditions;
  /** The bucket's when the request began: tells whether a deletion came between. */
  readonly deletionMark: number;
  /** The multipart upload that this write ends. */
  readonly uploadId?: string;
}

/**
 * Writes an object's new version down if the write's conditions hold at this very moment; one step, which nothing can
 * come between. Else the new bytes are removed again and the error is thrown.
 */
export function commitVersion(bucket: Bucket, write: VersionWrite): void {
  const { key, version, conditions, deletionMark, uploadId } = write;
  try {
    judgeWrite(conditions, bucket.current(key), bucket.deletedSince(key, deletionMark));
    bucket.commit({ type: 'version', key, version, ...(uploadId === undefined ? {} : { uploadId }) });
  } catch (error) {
    // An upload that could not be finished stays as it was, with its parts.
    if (uploadId === undefined) bucket.blobs.remove(version.segments.map(({ blob }) => blob));
    throw error;
  }
}
