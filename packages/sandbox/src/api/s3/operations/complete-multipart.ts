import { createHash } from 'node:crypto';
import type { Bucket, Upload } from '../../../model/s3/bucket.ts';
import { quoted, type Call, type Reply } from '../call/call.ts';
import {
  checksumAlgorithms,
  checksumElement,
  checksumHeader,
  checksumOfParts,
  type Checksum,
} from '../../../model/s3/checksums.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import type { ObjectVersion, PartRecord } from '../../../model/s3/records.ts';
import { childrenOf, parseXml, renderXml, textOf, type ParsedElement } from '../call/xml.ts';
import { checksumElements, commitVersion, encryptionHeaders, newVersionId, versionIdHeader } from './details.ts';

const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PARTS = 10_000;

/** Makes one object of the listed parts. No byte is moved: the object takes the parts' files over. */
export async function completeMultipartUpload(call: Call): Promise<Reply> {
  const bucket = call.buckets.get(call.bucket);
  const uploadId = call.query.get('uploadId') ?? '';
  bucket.upload(call.key, uploadId);
  const deletionMark = bucket.deletionMark;
  const listed = childrenOf(parseXml(await call.body.text(), 'CompleteMultipartUpload'), 'Part');
  // Looked up again after the wait: it may have been finished or aborted by another request.
  const upload = bucket.upload(call.key, uploadId);
  const parts = chooseParts(upload, listed);
  const checksum = checksumOfParts(
    { algorithm: upload.algorithm, type: upload.checksumType },
    parts.map(({ checksum: value, sizeBytes }) => ({ value, sizeBytes })),
  );
  const version = versionOf({ bucket, upload, parts, checksum });
  checkDeclarations(call, version, checksum);
  commitVersion(call, { bucket, deletionMark, uploadId }, version);
  return {
    status: 200,
    headers: { ...versionIdHeader(bucket, version), ...encryptionHeaders(version.headers) },
    body: renderXml('CompleteMultipartUploadResult', {
      Location: `http://${call.headers['host'] ?? 's3'}/${bucket.name}/${encodeURI(call.key)}`,
      Bucket: bucket.name,
      Key: call.key,
      ETag: quoted(version.etag),
      ...checksumElements(checksum),
    }),
  };
}

function chooseParts(upload: Upload, listed: readonly ParsedElement[]): PartRecord[] {
  if (listed.length === 0 || listed.length > MAX_PARTS) throw new S3Error('MalformedXML');
  let previous = 0;
  const parts = listed.map((element) => {
    const number = Number(textOf(element, 'PartNumber') ?? Number.NaN);
    if (!Number.isInteger(number) || number < 1) throw new S3Error('MalformedXML');
    if (number <= previous) throw new S3Error('InvalidPartOrder', { fields: { UploadId: upload.uploadId } });
    previous = number;
    return choosePart(upload, element, number);
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

function choosePart(upload: Upload, element: ParsedElement, number: number): PartRecord {
  const etag = textOf(element, 'ETag')?.trim().replaceAll('"', '') ?? '';
  const part = upload.parts.get(number);
  const invalid = () =>
    new S3Error('InvalidPart', { fields: { UploadId: upload.uploadId, PartNumber: number, ETag: etag } });
  if (part === undefined || part.etag !== etag) throw invalid();
  const listed = checksumAlgorithms.filter((algorithm) => element[checksumElement(algorithm)] !== undefined);
  // A checksum of an algorithm that the upload does not keep matches no part (aws-sdk-go-v2#3005).
  if (listed.some((algorithm) => algorithm !== upload.algorithm)) throw invalid();
  const checksum = textOf(element, checksumElement(upload.algorithm))?.trim();
  if (checksum !== undefined && checksum !== part.checksum) throw invalid();
  if (checksum === undefined && upload.algorithmNamed && upload.checksumType === 'COMPOSITE')
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${upload.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    });
  return part;
}

function versionOf(made: {
  bucket: Bucket;
  upload: Upload;
  parts: readonly PartRecord[];
  checksum: Checksum;
}): ObjectVersion {
  const { bucket, upload, parts, checksum } = made;
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
    checksum,
    parts: parts.map(({ number, sizeBytes, checksum: value }) => ({ number, sizeBytes, checksum: value })),
  };
}

/** Holds the object against what the client said about it as a whole. */
function checkDeclarations(call: Call, version: ObjectVersion, checksum: Checksum): void {
  const { headers } = call;
  const type = headers['x-amz-checksum-type'];
  if (type !== undefined && type !== checksum.type)
    throw new S3Error('InvalidRequest', {
      message: `Checksum type mismatch occurred, expected checksum Type: ${checksum.type}, actual checksum Type: ${type}`,
    });
  const size = headers['x-amz-mp-object-size'];
  if (size !== undefined && Number(size) !== version.sizeBytes)
    throw new S3Error('InvalidRequest', {
      message: `The provided 'x-amz-mp-object-size' header does not match what was computed: ${version.sizeBytes}`,
    });
  const declared = headers[checksumHeader(checksum.algorithm)];
  if (declared !== undefined && checksum.type === 'FULL_OBJECT' && declared !== checksum.value)
    throw new S3Error('BadDigest', {
      message: `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    });
}
