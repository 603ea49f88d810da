import type { Bucket } from '../../../model/s3/bucket.ts';
import type { CallHeaders } from '../call/call.ts';
import type { Checksum } from '../../../model/s3/checksums.ts';
import { checksumElement, checksumHeader } from '../call/checksum-demand.ts';
import { S3Refusal } from '../call/refusal.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';

/** Headers that S3 keeps with an object and gives back as they were. */
const KEPT_HEADERS = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
];
const METADATA_PREFIX = 'x-amz-meta-';
const MAX_METADATA_BYTES = 2048;
const MAX_TAGS = 10;

export type ObjectDetails = Pick<ObjectVersion, 'headers' | 'metadata' | 'tags'>;

/** Reads from a request what is to be kept with the object. Throws MetadataTooLarge or InvalidTag. */
export function detailsOf(headers: CallHeaders): ObjectDetails {
  return { headers: keptHeadersOf(headers), metadata: metadataOf(headers), tags: tagsOf(headers['x-amz-tagging']) };
}

function keptHeadersOf(headers: CallHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = name === 'content-encoding' ? withoutAwsChunked(headers[name]) : headers[name];
    if (value !== undefined && value !== '') kept[name] = value;
  }
  kept['content-type'] ??= 'binary/octet-stream';
  // Since 2023 every object is encrypted; without a wish, with S3's own keys.
  kept['x-amz-server-side-encryption'] ??= 'AES256';
  if (kept['x-amz-storage-class'] === 'STANDARD') delete kept['x-amz-storage-class'];
  return kept;
}

/** `aws-chunked` describes the transfer, not the object; the rest is kept as it was written. */
function withoutAwsChunked(encoding: string | undefined): string | undefined {
  return encoding
    ?.split(',')
    .filter((one) => !['aws-chunked', ''].includes(one.trim()))
    .join(',')
    .trim();
}

function metadataOf(headers: CallHeaders): Record<string, string> {
  const metadata: Record<string, string> = {};
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(METADATA_PREFIX) || value === undefined) continue;
    metadata[name.slice(METADATA_PREFIX.length)] = value;
    sizeBytes += name.length - METADATA_PREFIX.length + value.length;
  }
  if (sizeBytes > MAX_METADATA_BYTES)
    throw new S3Error('MetadataTooLarge', { fields: { Size: sizeBytes, MaxSizeAllowed: MAX_METADATA_BYTES } });
  return metadata;
}

function tagsOf(header: string | undefined): Record<string, string> {
  return assertTags([...new URLSearchParams(header ?? '')]);
}

/** Throws InvalidTag when S3 would refuse these tags. */
export function assertTags(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const tags = new Map(pairs);
  if (tags.size !== pairs.length)
    throw new S3Error('InvalidTag', { message: 'Cannot provide multiple Tags with the same key' });
  if (pairs.length > MAX_TAGS) throw new S3Error('InvalidTag', { message: 'Object tags cannot be greater than 10' });
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128)
      throw new S3Error('InvalidTag', { message: 'The TagKey you have provided is invalid' });
    if (value.length > 256) throw new S3Error('InvalidTag', { message: 'The TagValue you have provided is invalid' });
  }
  return Object.fromEntries(tags);
}

/**
 * The version that a read means: the one it names, or the current one.
 * Throws NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker that is named.
 */
export function versionFor(bucket: Bucket, key: string, versionId: string | undefined): ObjectVersion {
  const versions = bucket.versionsOf(key);
  const version = versionId === undefined ? versions[0] : versions.find((one) => one.versionId === versionId);
  if (version === undefined)
    throw versionId === undefined
      ? new S3Error('NoSuchKey', { fields: { Key: key } })
      : new S3Error('NoSuchVersion', { fields: { Key: key, VersionId: versionId } });
  if (version.deleteMarker !== true) return version;
  const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.versionId };
  throw versionId === undefined
    ? new S3Refusal('NoSuchKey', { fields: { Key: key }, headers })
    : new S3Refusal('MethodNotAllowed', { fields: { Method: 'GET', ResourceType: 'DeleteMarker' }, headers });
}

export function versionIdHeader(bucket: Bucket, version: { versionId: string }): { 'x-amz-version-id'?: string } {
  return bucket.hasVersionIds ? { 'x-amz-version-id': version.versionId } : {};
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

export function checksumElements(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type };
}

export function encryptionHeaders(headers: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return {
    'x-amz-server-side-encryption': headers['x-amz-server-side-encryption'],
    'x-amz-server-side-encryption-aws-kms-key-id': headers['x-amz-server-side-encryption-aws-kms-key-id'],
  };
}
