import type { Bucket } from './bucket.ts';
import { judgeWrite } from './preconditions.ts';
import { newVersionId } from './writes.ts';

export interface Deletion {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly ifMatch: string | undefined;
}

export interface Deleted {
  /** The version that was removed, or the delete marker that was made. */
  readonly versionId?: string;
  readonly isDeleteMarker: boolean;
}

/**
 * Deletes a version, or the key: that leaves a delete marker where versions were ever kept. Deleting what is not there
 * succeeds. Throws PreconditionFailed or NoSuchKey when `ifMatch` does not hold.
 */
export function deleteFrom(bucket: Bucket, { key, versionId, ifMatch }: Deletion, nowMs: number): Deleted {
  if (ifMatch !== undefined) judgeWrite({ ifMatch }, bucket.current(key), false);
  if (versionId !== undefined) {
    const version = bucket.versionsOf(key).find((one) => one.versionId === versionId);
    if (version !== undefined) bucket.commit({ type: 'remove', key, versionId });
    return { versionId, isDeleteMarker: version?.deleteMarker === true };
  }
  if (!bucket.hasVersionIds) {
    if (bucket.versionsOf(key).length > 0) bucket.commit({ type: 'remove', key, versionId: 'null' });
    return { isDeleteMarker: false };
  }
  const marker = {
    versionId: newVersionId(bucket),
    lastModifiedMs: nowMs,
    deleteMarker: true,
    etag: '',
    sizeBytes: 0,
    segments: [],
    headers: {},
    metadata: {},
    tags: {},
  };
  bucket.commit({ type: 'version', key, version: marker });
  return { versionId: marker.versionId, isDeleteMarker: true };
}
