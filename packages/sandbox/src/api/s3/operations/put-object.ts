import type { VerifiedCall, S3Reply } from '../call/call.ts';
import { quoted } from '../call/call.ts';
import { judgeWrite } from '../../../model/s3/preconditions.ts';
import { commitVersion, newVersionId } from '../../../model/s3/writes.ts';
import { writeConditionsOf } from '../call/conditions.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import { checksumHeaders, detailsOf, encryptionHeaders, versionIdHeader } from './details.ts';

export async function putObject(call: VerifiedCall): Promise<S3Reply> {
  const bucket = call.buckets.get(call.bucket);
  const details = detailsOf(call.headers);
  const deletionMark = bucket.deletionMark;
  const conditions = writeConditionsOf(call.headers);
  // Known to fail already: then the body need not be stored first.
  judgeWrite(conditions, bucket.current(call.key), false);
  const { segment, md5, checksum } = await call.body.receive(bucket.blobs);
  const version: ObjectVersion = {
    versionId: newVersionId(bucket),
    lastModifiedMs: call.nowMs(),
    etag: md5.toString('hex'),
    sizeBytes: segment.sizeBytes,
    segments: [segment],
    ...details,
    checksum: { ...checksum, type: 'FULL_OBJECT' },
  };
  commitVersion(bucket, { key: call.key, version, conditions, deletionMark });
  return {
    status: 200,
    headers: {
      etag: quoted(version.etag),
      ...versionIdHeader(bucket, version),
      ...checksumHeaders(version.checksum),
      ...encryptionHeaders(details.headers),
    },
  };
}
