import { checksumAlgorithms, type Checksum } from '../../../model/s3/checksums.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { chooseParts, objectOfParts, type ListedPart } from '../../../model/s3/multipart.ts';
import { commitVersion } from '../../../model/s3/writes.ts';
import { quoted, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { checksumElement, declaredChecksum } from '../call/checksum-demand.ts';
import { writeConditionsOf } from '../call/conditions.ts';
import { childrenOf, parseRequestXml, renderXml, textOf, type ParsedElement } from '../call/xml.ts';
import { checksumElements, encryptionHeaders, versionIdHeader } from './details.ts';

/** Makes one object of the listed parts. No byte is moved: the object takes the parts' files over. */
export async function completeMultipartUpload(call: VerifiedCall): Promise<S3Reply> {
  const bucket = call.buckets.get(call.bucket);
  const uploadId = call.query.get('uploadId') ?? '';
  bucket.upload(call.key, uploadId);
  const deletionMark = bucket.deletionMark;
  const document = parseRequestXml(await call.body.text({ of: 'object' }), 'CompleteMultipartUpload');
  const listed = childrenOf(document, 'Part').map(listedPart);
  // Looked up again after the wait: it may have been finished or aborted by another request.
  const upload = bucket.upload(call.key, uploadId);
  const version = objectOfParts(bucket, upload, chooseParts(upload, listed));
  checkDeclarations(call, version);
  commitVersion(bucket, {
    key: call.key,
    version,
    conditions: writeConditionsOf(call.headers),
    deletionMark,
    uploadId,
  });
  return {
    status: 200,
    headers: { ...versionIdHeader(bucket, version), ...encryptionHeaders(version.headers) },
    body: renderXml('CompleteMultipartUploadResult', {
      Location: `http://${call.headers['host'] ?? 's3'}/${bucket.name}/${encodeURI(call.key)}`,
      Bucket: bucket.name,
      Key: call.key,
      ETag: quoted(version.etag),
      ...checksumElements(version.checksum),
    }),
  };
}

function listedPart(element: ParsedElement): ListedPart {
  const checksums = checksumAlgorithms.flatMap((algorithm) => {
    const text = textOf(element, checksumElement(algorithm));
    return text === undefined ? [] : [[algorithm, text.trim()] as const];
  });
  return {
    number: Number(textOf(element, 'PartNumber') ?? Number.NaN),
    etag: textOf(element, 'ETag')?.trim().replaceAll('"', '') ?? '',
    checksums: Object.fromEntries(checksums),
  };
}

/** Holds the object against what the client said about it as a whole. */
function checkDeclarations(
  call: VerifiedCall,
  version: { readonly sizeBytes: number; readonly checksum: Checksum },
): void {
  const { headers } = call;
  const { checksum } = version;
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
  checkDeclaredChecksum(declaredChecksum(headers), checksum);
}

/** A COMPOSITE one may be declared with its number of parts or without. */
function checkDeclaredChecksum(declared: ReturnType<typeof declaredChecksum>, actual: Checksum): void {
  if (declared === undefined) return;
  if (declared.algorithm !== actual.algorithm)
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${actual.algorithm.toLowerCase()}, actual checksum Type: ${declared.algorithm.toLowerCase()}`,
    });
  if (declared.value === actual.value) return;
  if (actual.type === 'COMPOSITE' && declared.value === actual.value.replace(/-\d+$/, '')) return;
  throw new S3Error('BadDigest', {
    message: `The ${actual.algorithm} you specified did not match the calculated checksum.`,
  });
}
