import type { Call, Reply } from '../call/call.ts';
import { quoted } from '../call/call.ts';
import { judgeWrite } from '../../../model/s3/preconditions.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import {
  checksumHeaders,
  commitVersion,
  detailsOf,
  encryptionHeaders,
  newVersionId,
  versionIdHeader,
} from './details.ts';

export async function putObject(call: Call): Promise<Reply> {
  const bucket = call.buckets.get(call.bucket);
  const details = detailsOf(call.headers);
  const deletionMark = bucket.deletionMark;
  // Known to fail already: then the body need not be stored first.
  judgeWrite(call.headers, bucket.current(call.key), false);
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
  commitVersion(call, { bucket, deletionMark }, version);
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
