import { createHash } from 'node:crypto';
import type { Bucket } from '../../../model/s3/bucket.ts';
import { quoted, xmlDate, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { createDigest, parseAlgorithm, type Checksum } from '../../../model/s3/checksums.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { judgeRead, judgeWrite } from '../../../model/s3/preconditions.ts';
import { commitVersion, newVersionId } from '../../../model/s3/writes.ts';
import { readConditionsOf, writeConditionsOf } from '../call/conditions.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import { renderXml } from '../call/xml.ts';
import {
  checksumElements,
  detailsOf,
  encryptionHeaders,
  versionFor,
  versionIdHeader,
  type ObjectDetails,
} from './details.ts';

const MAX_COPY_BYTES = 5 * 1024 ** 3;

export interface CopySource {
  readonly bucket: Bucket;
  readonly key: string;
  readonly version: ObjectVersion;
}

/** Finds what x-amz-copy-source names and holds it against the x-amz-copy-source-if- conditions. */
export function copySourceOf(call: VerifiedCall): CopySource {
  const header = call.headers['x-amz-copy-source'] ?? '';
  const [path = '', query = ''] = header.split('?', 2);
  let decoded: string;
  try {
    decoded = decodeURIComponent(path).replace(/^\//, '');
  } catch {
    throw invalidSource(header);
  }
  const slash = decoded.indexOf('/');
  if (slash <= 0 || slash === decoded.length - 1) throw invalidSource(header);
  const bucket = call.buckets.get(decoded.slice(0, slash));
  const key = decoded.slice(slash + 1);
  const versionId = new URLSearchParams(query).get('versionId') ?? undefined;
  const version = versionFor(bucket, key, versionId);
  const verdict = judgeRead(readConditionsOf(call.headers, 'x-amz-copy-source-'), version);
  if (verdict instanceof S3Error) throw verdict;
  // A copy has no 304: whatever stops it is a failed precondition.
  if (verdict === 'not-modified') throw new S3Error('PreconditionFailed');
  return { bucket, key, version };
}

function invalidSource(header: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    fields: { ArgumentName: 'x-amz-copy-source', ArgumentValue: header },
  });
}

export function copySourceHeader(source: CopySource): Record<string, string> {
  return source.bucket.hasVersionIds ? { 'x-amz-copy-source-version-id': source.version.versionId } : {};
}

export async function copyObject(call: VerifiedCall): Promise<S3Reply> {
  const bucket = call.buckets.get(call.bucket);
  const deletionMark = bucket.deletionMark;
  const conditions = writeConditionsOf(call.headers);
  const source = copySourceOf(call);
  if (source.version.sizeBytes > MAX_COPY_BYTES)
    throw new S3Error('InvalidRequest', {
      message: `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`,
    });
  const details = copiedDetails(call, source);
  judgeWrite(conditions, bucket.current(call.key), false);
  const reader = source.bucket.blobs.read(source.version.segments, 0, source.version.sizeBytes);
  try {
    const sums = await sumsOfCopy(call, source.version, () => reader.chunks());
    const segments =
      source.bucket === bucket
        ? await bucket.blobs.duplicate(source.version.segments)
        : [await bucket.blobs.write(reader.chunks())];
    const { sizeBytes } = source.version;
    const lastModifiedMs = call.nowMs();
    const version = { versionId: newVersionId(bucket), lastModifiedMs, sizeBytes, segments, ...details, ...sums };
    commitVersion(bucket, { key: call.key, version, conditions, deletionMark });
    return copyReply({ bucket, source, version });
  } finally {
    reader.close();
  }
}

function copyReply(copy: { bucket: Bucket; source: CopySource; version: ObjectVersion }): S3Reply {
  const { bucket, source, version } = copy;
  return {
    status: 200,
    headers: {
      ...versionIdHeader(bucket, version),
      ...copySourceHeader(source),
      ...encryptionHeaders(version.headers),
    },
    body: renderXml('CopyObjectResult', {
      LastModified: xmlDate(version.lastModifiedMs),
      ETag: quoted(version.etag),
      ...checksumElements(version.checksum),
    }),
  };
}

function copiedDetails(call: VerifiedCall, source: CopySource): ObjectDetails {
  const directive = call.headers['x-amz-metadata-directive'] ?? 'COPY';
  const tagging = call.headers['x-amz-tagging-directive'] ?? 'COPY';
  if (!['COPY', 'REPLACE'].includes(directive))
    throw new S3Error('InvalidArgument', { message: 'Unknown metadata directive.' });
  const own = detailsOf(call.headers);
  const isSame = source.bucket.name === call.bucket && source.key === call.key;
  const changes =
    directive === 'REPLACE' ||
    call.headers['x-amz-storage-class'] !== undefined ||
    call.headers['x-amz-server-side-encryption'] !== undefined ||
    source.version !== source.bucket.current(source.key);
  if (isSame && !changes)
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    });
  const kept = directive === 'REPLACE' ? own : source.version;
  return {
    headers: withOwnStorage(kept.headers, call),
    metadata: kept.metadata,
    tags: tagging === 'REPLACE' ? own.tags : source.version.tags,
  };
}

/** Storage class and encryption belong to the copy, never to what it was copied from. */
function withOwnStorage(headers: Readonly<Record<string, string>>, call: VerifiedCall): Record<string, string> {
  const own = detailsOf(call.headers).headers;
  const result = { ...headers };
  delete result['x-amz-storage-class'];
  for (const [name, value] of Object.entries(own)) if (name.startsWith('x-amz-')) result[name] = value;
  return result;
}

/**
 * ETag and checksum of a copy. They are kept where they describe the bytes as a whole; those of a multipart object do not,
 * and a copy is one part, so they are computed anew.
 */
async function sumsOfCopy(
  call: VerifiedCall,
  source: ObjectVersion,
  chunks: () => AsyncIterable<Buffer>,
): Promise<{ etag: string; checksum: Checksum }> {
  const known = source.checksum;
  const algorithm = parseAlgorithm(call.headers['x-amz-checksum-algorithm']) ?? known?.algorithm ?? 'CRC64NVME';
  if (source.parts === undefined && known?.type === 'FULL_OBJECT' && known.algorithm === algorithm)
    return { etag: source.etag, checksum: known };
  const md5 = createHash('md5');
  const digest = createDigest(algorithm);
  for await (const chunk of chunks()) {
    md5.update(chunk);
    digest.update(chunk);
  }
  const value = digest.digest().toString('base64');
  return { etag: md5.digest('hex'), checksum: { algorithm, value, type: 'FULL_OBJECT' } };
}
