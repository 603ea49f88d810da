import type { Bucket } from '../../../model/s3/bucket.ts';
import type { VerifiedCall, S3Reply } from '../call/call.ts';
import { deleteFrom, type Deletion } from '../../../model/s3/deletion.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { asRefusal } from '../call/refusal.ts';
import { childrenOf, parseRequestXml, renderXml, textOf } from '../call/xml.ts';

const MAX_KEYS = 1000;

export function deleteObject(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const deleted = deleteFrom(
    bucket,
    {
      key: call.key,
      versionId: call.query.get('versionId'),
      ifMatch: call.headers['if-match'],
    },
    call.nowMs(),
  );
  return {
    status: 204,
    headers: {
      ...(deleted.versionId === undefined ? {} : { 'x-amz-version-id': deleted.versionId }),
      ...(deleted.isDeleteMarker ? { 'x-amz-delete-marker': 'true' } : {}),
    },
  };
}

/** Deletes up to 1,000 keys; each one succeeds or fails on its own, inside a 200. */
export async function deleteListedObjects(call: VerifiedCall): Promise<S3Reply> {
  const bucket = call.buckets.get(call.bucket);
  if (call.headers['content-md5'] === undefined && call.body.checksumDemand === undefined)
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  const request = parseRequestXml(await call.body.text(), 'Delete');
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

function removeOne(call: VerifiedCall, bucket: Bucket, deletion: Deletion) {
  const { key, versionId } = deletion;
  try {
    const deleted = deleteFrom(bucket, deletion, call.nowMs());
    return {
      deleted: {
        Key: key,
        VersionId: versionId,
        DeleteMarker: deleted.isDeleteMarker || undefined,
        DeleteMarkerVersionId: deleted.isDeleteMarker ? deleted.versionId : undefined,
      },
    };
  } catch (error) {
    const { code, message } = asRefusal(error);
    return { failed: { Key: key, VersionId: versionId, Code: code, Message: message } };
  }
}
