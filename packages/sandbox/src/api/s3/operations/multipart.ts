import { createHash, randomBytes } from 'node:crypto';
import type { Bucket, StoredUpload } from '../../../model/s3/bucket.ts';
import { numberOf, quoted, xmlDate, type VerifiedCall, type S3Reply } from '../call/call.ts';
import {
  assertTypeFits,
  createDigest,
  defaultType,
  parseAlgorithm,
  type ChecksumAlgorithm,
  type ChecksumType,
} from '../../../model/s3/checksums.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { MAX_PARTS } from '../../../model/s3/multipart.ts';
import { checksumElement, checksumHeader } from '../call/checksum-demand.ts';
import type { PartRecord, UploadRecord } from '../../../model/s3/records.ts';
import { renderXml } from '../call/xml.ts';
import { copySourceHeader, copySourceOf } from './copy-object.ts';
import { detailsOf, encryptionHeaders } from './details.ts';
import { byteRangeOf } from './get-object.ts';

export function createMultipartUpload(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const named = parseAlgorithm(call.headers['x-amz-checksum-algorithm']);
  const algorithm = named ?? 'CRC64NVME';
  const checksumType = parseType(call.headers['x-amz-checksum-type']) ?? defaultType(algorithm);
  assertTypeFits(algorithm, checksumType);
  const upload: UploadRecord = {
    uploadId: randomBytes(48).toString('base64url'),
    key: call.key,
    initiatedMs: call.nowMs(),
    ...detailsOf(call.headers),
    algorithm,
    checksumType,
    algorithmNamed: named !== undefined,
  };
  bucket.commit({ type: 'upload', upload });
  return {
    status: 200,
    headers: {
      ...encryptionHeaders(upload.headers),
      ...(named && { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': checksumType }),
    },
    body: renderXml('InitiateMultipartUploadResult', {
      Bucket: bucket.name,
      Key: call.key,
      UploadId: upload.uploadId,
    }),
  };
}

function parseType(text: string | undefined): ChecksumType | undefined {
  if (text === undefined) return undefined;
  if (text === 'FULL_OBJECT' || text === 'COMPOSITE') return text;
  throw new S3Error('InvalidRequest', { message: 'Value for x-amz-checksum-type header is invalid.' });
}

function uploadOf(call: VerifiedCall): { bucket: Bucket; upload: StoredUpload } {
  const bucket = call.buckets.get(call.bucket);
  return { bucket, upload: bucket.upload(call.key, call.query.get('uploadId') ?? '') };
}

export async function uploadPart(call: VerifiedCall): Promise<S3Reply> {
  const { bucket, upload } = uploadOf(call);
  const number = partNumberOf(call);
  const demand = call.body.checksumDemand;
  assertAlgorithm(upload, demand?.algorithm);
  const { segment, md5, checksum } = await call.body.receive(bucket.blobs, upload.algorithm);
  const part: PartRecord = {
    number,
    etag: md5.toString('hex'),
    sizeBytes: segment.sizeBytes,
    lastModifiedMs: call.nowMs(),
    segments: [segment],
    checksum: checksum.value,
  };
  commitPart({ call, bucket, part });
  return {
    status: 200,
    headers: {
      etag: quoted(part.etag),
      // Only what the client sent: a checksum that S3 computed for itself is not shown.
      ...(demand?.algorithm === upload.algorithm && { [checksumHeader(upload.algorithm)]: part.checksum }),
      ...encryptionHeaders(upload.headers),
    },
  };
}

/**
 * A part must come with the algorithm that the upload named. One without any is taken where S3 computes it itself: when
 * the checksum is that of the full object. An upload that named none takes any, and keeps CRC64NVME.
 */
function assertAlgorithm(upload: StoredUpload, actual: ChecksumAlgorithm | undefined): void {
  if (!upload.algorithmNamed || actual === upload.algorithm) return;
  if (actual === undefined && upload.checksumType === 'FULL_OBJECT') return;
  const name = (algorithm: ChecksumAlgorithm | undefined) => algorithm?.toLowerCase() ?? 'null';
  throw new S3Error('InvalidRequest', {
    message: `Checksum Type mismatch occurred, expected checksum Type: ${name(upload.algorithm)}, actual checksum Type: ${name(actual)}`,
  });
}

function partNumberOf(call: VerifiedCall): number {
  const text = call.query.get('partNumber') ?? '';
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= MAX_PARTS) return number;
  throw new S3Error('InvalidArgument', {
    message: `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: text },
  });
}

/** The upload may have been finished or aborted while the part came in. */
function commitPart({ call, bucket, part }: { call: VerifiedCall; bucket: Bucket; part: PartRecord }): void {
  try {
    const { uploadId } = bucket.upload(call.key, call.query.get('uploadId') ?? '');
    bucket.commit({ type: 'part', uploadId, part });
  } catch (error) {
    bucket.blobs.remove(part.segments.map(({ blob }) => blob));
    throw error;
  }
}

export async function uploadPartCopy(call: VerifiedCall): Promise<S3Reply> {
  const { bucket, upload } = uploadOf(call);
  const number = partNumberOf(call);
  const source = copySourceOf(call);
  const span = copyRangeOf(call.headers['x-amz-copy-source-range'], source.version.sizeBytes);
  const reader = source.bucket.blobs.read(source.version.segments, span.start, span.end);
  const md5 = createHash('md5');
  const digest = createDigest(upload.algorithm);
  try {
    const segment = await bucket.blobs.write(
      (async function* summed() {
        for await (const chunk of reader.chunks()) {
          md5.update(chunk);
          digest.update(chunk);
          yield chunk;
        }
      })(),
    );
    const part: PartRecord = {
      number,
      etag: md5.digest('hex'),
      sizeBytes: segment.sizeBytes,
      lastModifiedMs: call.nowMs(),
      segments: [segment],
      checksum: digest.digest().toString('base64'),
    };
    commitPart({ call, bucket, part });
    return {
      status: 200,
      headers: { ...copySourceHeader(source), ...encryptionHeaders(upload.headers) },
      body: renderXml('CopyPartResult', {
        LastModified: xmlDate(part.lastModifiedMs),
        ETag: quoted(part.etag),
        [checksumElement(upload.algorithm)]: part.checksum,
      }),
    };
  } finally {
    reader.close();
  }
}

/** Unlike a GET's, this range must be complete and inside the source. */
function copyRangeOf(header: string | undefined, sizeBytes: number): { start: number; end: number } {
  if (header === undefined) return { start: 0, end: sizeBytes };
  const match = /^bytes=(\d+)-(\d+)$/.exec(header);
  const span = match === null ? undefined : byteRangeOf(header, sizeBytes);
  if (match !== null && span !== undefined && Number(match[2]) < sizeBytes) return span;
  const detail = { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header };
  throw new S3Error('InvalidArgument', {
    message: match
      ? `Range specified is not valid for source object of size: ${sizeBytes}`
      : 'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    fields: detail,
  });
}

export function abortMultipartUpload(call: VerifiedCall): S3Reply {
  const { bucket, upload } = uploadOf(call);
  bucket.commit({ type: 'abort', uploadId: upload.uploadId });
  return { status: 204 };
}

export function listParts(call: VerifiedCall): S3Reply {
  const { bucket, upload } = uploadOf(call);
  const marker = numberOf(call, 'part-number-marker', { fallback: 0 });
  const maxParts = Math.min(1000, numberOf(call, 'max-parts', { fallback: 1000 }));
  const all = [...upload.parts.values()].filter(({ number }) => number > marker).sort((a, b) => a.number - b.number);
  const page = all.slice(0, maxParts);
  const isTruncated = page.length < all.length;
  return {
    status: 200,
    body: renderXml('ListPartsResult', {
      Bucket: bucket.name,
      Key: upload.key,
      UploadId: upload.uploadId,
      PartNumberMarker: marker,
      NextPartNumberMarker: page.at(-1)?.number ?? (isTruncated ? marker : 0),
      MaxParts: maxParts,
      IsTruncated: isTruncated,
      ...(upload.algorithmNamed && { ChecksumAlgorithm: upload.algorithm, ChecksumType: upload.checksumType }),
      StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
      Part: page.map((part) => ({
        PartNumber: part.number,
        LastModified: xmlDate(part.lastModifiedMs),
        ETag: quoted(part.etag),
        Size: part.sizeBytes,
        ...(upload.algorithmNamed && { [checksumElement(upload.algorithm)]: part.checksum }),
      })),
    }),
  };
}
