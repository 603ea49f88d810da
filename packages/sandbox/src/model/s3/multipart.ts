import { createHash } from 'node:crypto';
import { newVersionId } from './writes.ts';
import type { Bucket, StoredUpload } from './bucket.ts';
import { checksumAlgorithms, checksumOfParts, type Checksum, type ChecksumAlgorithm } from './checksums.ts';
import { S3Error } from './errors.ts';
import type { ObjectVersion, PartRecord } from './records.ts';

const MIN_PART_BYTES = 5 * 1024 ** 2;
export const MAX_PARTS = 10_000;

/** A part as the client lists it to finish an upload. */
export interface ListedPart {
  /** NaN when the client wrote no number. */
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
  /** Base64, by algorithm. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
}

/** The parts that the client lists, held against those that were uploaded. Throws the first error that S3 answers. */
export function chooseParts(upload: StoredUpload, listed: readonly ListedPart[]): PartRecord[] {
  if (listed.length === 0 || listed.length > MAX_PARTS) throw new S3Error('MalformedXML');
  let previous = 0;
  const parts = listed.map((one) => {
    if (!Number.isInteger(one.number) || one.number < 1) throw new S3Error('MalformedXML');
    if (one.number <= previous) throw new S3Error('InvalidPartOrder', { fields: { UploadId: upload.uploadId } });
    previous = one.number;
    return choosePart(upload, one);
  });
  for (const part of parts.slice(0, -1))
    if (part.sizeBytes < MIN_PART_BYTES)
      throw new S3Error('EntityTooSmall', {
        fields: {
          ProposedSize: part.sizeBytes,
          MinSizeAllowed: MIN_PART_BYTES,
          PartNumber: part.number,
          ETag: part.etag,
        },
      });
  return parts;
}

function choosePart(upload: StoredUpload, { number, etag, checksums }: ListedPart): PartRecord {
  const part = upload.parts.get(number);
  const invalid = () =>
    new S3Error('InvalidPart', { fields: { UploadId: upload.uploadId, PartNumber: number, ETag: etag } });
  if (part === undefined || part.etag !== etag) throw invalid();
  // A checksum of an algorithm that the upload does not keep matches no part (aws-sdk-go-v2#3005).
  if (checksumAlgorithms.some((one) => checksums[one] !== undefined && one !== upload.algorithm)) throw invalid();
  const checksum = checksums[upload.algorithm];
  if (checksum !== undefined && checksum !== part.checksum) throw invalid();
  if (checksum === undefined && upload.algorithmNamed && upload.checksumType === 'COMPOSITE')
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${upload.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    });
  return part;
}

/** The object that an upload becomes, which takes the parts' files over. */
export function objectOfParts(
  bucket: Bucket,
  upload: StoredUpload,
  parts: readonly PartRecord[],
): ObjectVersion & { readonly checksum: Checksum } {
  const md5 = createHash('md5');
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'));
  return {
    versionId: newVersionId(bucket),
    // S3 dates a multipart object by the start of its upload (user guide, "System-defined object metadata").
    lastModifiedMs: upload.initiatedMs,
    etag: `${md5.digest('hex')}-${parts.length}`,
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    segments: parts.flatMap(({ segments }) => segments),
    headers: upload.headers,
    metadata: upload.metadata,
    tags: upload.tags,
    checksum: checksumOfParts(
      { algorithm: upload.algorithm, type: upload.checksumType },
      parts.map(({ checksum: value, sizeBytes }) => ({ value, sizeBytes })),
    ),
    parts: parts.map(({ number, sizeBytes, checksum }) => ({ number, sizeBytes, checksum })),
  };
}
