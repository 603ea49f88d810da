import type { Bucket } from '../../../model/s3/bucket.ts';
import type { Call, Reply } from '../call/call.ts';
import { asS3Error, S3Error } from '../../../model/s3/errors.ts';
import { judgeWrite } from '../../../model/s3/preconditions.ts';
import { childrenOf, parseXml, renderXml, textOf } from '../call/xml.ts';
import { newVersionId } from './details.ts';

const MAX_KEYS = 1000;

interface Deletion {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly ifMatch: string | undefined;
}

interface Deleted {
  /** The version that was removed, or the delete marker that was made. */
  readonly versionId?: string;
  readonly isDeleteMarker: boolean;
}

export function deleteObject(call: Call): Reply {
  const bucket = call.buckets.get(call.bucket);
  const deleted = remove(call, bucket, {
    key: call.key,
    versionId: call.query.get('versionId'),
    ifMatch: call.headers['if-match'],
  });
  return {
    status: 204,
    headers: {
      ...(deleted.versionId === undefined ? {} : { 'x-amz-version-id': deleted.versionId }),
      ...(deleted.isDeleteMarker ? { 'x-amz-delete-marker': 'true' } : {}),
    },
  };
}

/** Deletes up to 1,000 keys; each one succeeds or fails on its own, inside a 200. */
export async function deleteObjects(call: Call): Promise<Reply> {
  const bucket = call.buckets.get(call.bucket);
  if (call.headers['content-md5'] === undefined && call.body.checksumDemand === undefined)
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  const request = parseXml(await call.body.text(), 'Delete');
  const objects = childrenOf(request, 'Object');
  if (objects.length === 0 || objects.length > MAX_KEYS) throw new S3Error('MalformedXML');
  const results = objects.map((object) => {
    const key = textOf(object, 'Key');
    if (key === undefined) throw new S3Error('MalformedXML');
    return removeOne(call, bucket, { key, versionId: textOf(object, 'VersionId'), ifMatch: textOf(object, 'ETag') });
  });
  const quiet = textOf(request, 'Quiet')?.trim() === 'true';
  return {
    status: 200,
    body: renderXml('DeleteResult', {
      Deleted: quiet ? [] : results.flatMap(({ deleted }) => deleted ?? []),
      Error: results.flatMap(({ failed }) => failed ?? []),
    }),
  };
}

function removeOne(call: Call, bucket: Bucket, deletion: Deletion) {
  const { key, versionId } = deletion;
  try {
    const deleted = remove(call, bucket, deletion);
    return {
      deleted: {
        Key: key,
        VersionId: versionId,
        DeleteMarker: deleted.isDeleteMarker || undefined,
        DeleteMarkerVersionId: deleted.isDeleteMarker ? deleted.versionId : undefined,
      },
    };
  } catch (error) {
    const { code, message } = asS3Error(error);
    return { failed: { Key: key, VersionId: versionId, Code: code, Message: message } };
  }
}

function remove(call: Call, bucket: Bucket, { key, versionId, ifMatch }: Deletion): Deleted {
  if (ifMatch !== undefined) judgeWrite({ 'if-match': ifMatch }, bucket.current(key), false);
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
    lastModifiedMs: call.nowMs(),
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
