import type { Bucket } from '../bucket.ts';
import { numberOf, quoted, xmlDate, type Call, type Reply } from '../call.ts';
import { S3Error } from '../errors.ts';
import { compareKeys, KeyIndex } from '../key-index.ts';
import { listPage, nameOf, type ListingPage, type ListingQuery } from '../listing.ts';
import type { ObjectVersion } from '../records.ts';
import { encodeUri } from '../../signature-fields.ts';
import { renderXml, type XmlContent, type XmlElements } from '../xml.ts';
import { ownerOf } from './owner.ts';

const MAX_KEYS = 1000;

type Encode = (name: string) => string;

/** With `encoding-type=url` names are percent-encoded, so that ones that XML cannot hold come through. */
function encodingOf(call: Call): { encode: Encode; element: XmlElements } {
  const type = call.query.get('encoding-type');
  if (type === undefined || type === '') return { encode: (name) => name, element: {} };
  if (type !== 'url')
    throw new S3Error('InvalidArgument', {
      message: 'Invalid Encoding Method specified in Request',
      fields: { ArgumentName: 'encoding-type', ArgumentValue: type },
    });
  return {
    encode: (name) => encodeUri(name, true).replaceAll('%20', '+'),
    element: { EncodingType: 'url' },
  };
}

function queryOf(call: Call, after: string, limitName = 'max-keys'): ListingQuery {
  return {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    after,
    limit: Math.min(MAX_KEYS, numberOf(call, limitName, { fallback: MAX_KEYS })),
  };
}

export function listObjectsV2(call: Call): Reply {
  const bucket = call.buckets.get(call.bucket);
  const { encode, element } = encodingOf(call);
  const token = call.query.get('continuation-token');
  const startAfter = call.query.get('start-after') ?? '';
  const query = queryOf(call, token === undefined ? startAfter : decodeToken(token));
  const page = listPage(bucket.keys, query, (key) => bucket.current(key) !== undefined);
  const owner = call.query.get('fetch-owner') === 'true' ? ownerOf() : undefined;
  return {
    status: 200,
    body: renderXml('ListBucketResult', {
      ...listHead(bucket, query, encode),
      ContinuationToken: token,
      NextContinuationToken: page.next === undefined ? undefined : encodeToken(page.next),
      StartAfter: startAfter === '' ? undefined : encode(startAfter),
      KeyCount: page.items.length,
      ...element,
      ...contentsOf(bucket, page, { encode, owner }),
    }),
  };
}

export function listObjects(call: Call): Reply {
  const bucket = call.buckets.get(call.bucket);
  const { encode, element } = encodingOf(call);
  const marker = call.query.get('marker') ?? '';
  const query = queryOf(call, marker);
  const page = listPage(bucket.keys, query, (key) => bucket.current(key) !== undefined);
  return {
    status: 200,
    body: renderXml('ListBucketResult', {
      ...listHead(bucket, query, encode),
      Marker: encode(marker),
      // V1 names the next marker only where keys were rolled up; else it is the last key.
      NextMarker: page.next !== undefined && query.delimiter !== '' ? encode(page.next) : undefined,
      ...element,
      ...contentsOf(bucket, page, { encode, owner: ownerOf() }),
    }),
  };
}

function listHead(bucket: Bucket, query: ListingQuery, encode: Encode): XmlElements {
  return {
    Name: bucket.name,
    Prefix: encode(query.prefix),
    Delimiter: query.delimiter === '' ? undefined : encode(query.delimiter),
    MaxKeys: query.limit,
  };
}

function contentsOf(
  bucket: Bucket,
  page: ListingPage,
  options: { encode: Encode; owner: XmlElements | undefined },
): XmlElements {
  return {
    IsTruncated: page.next !== undefined,
    Contents: page.items.flatMap((item) => {
      const version = item.kind === 'key' ? bucket.current(item.key) : undefined;
      if (item.kind !== 'key' || version === undefined) return [];
      return { Key: options.encode(item.key), ...versionElements(version), Owner: options.owner };
    }),
    CommonPrefixes: prefixesOf(page, options.encode),
  };
}

function versionElements(version: ObjectVersion): XmlElements {
  return {
    LastModified: xmlDate(version.lastModifiedMs),
    ETag: quoted(version.etag),
    ChecksumAlgorithm: version.checksum?.algorithm,
    ChecksumType: version.checksum?.type,
    Size: version.sizeBytes,
    StorageClass: version.headers['x-amz-storage-class'] ?? 'STANDARD',
  };
}

function prefixesOf(page: ListingPage, encode: Encode): XmlContent {
  return page.items.flatMap((item) => (item.kind === 'prefix' ? { Prefix: encode(item.prefix) } : []));
}

/** Opaque to clients; says only where to go on, so it never goes stale. */
function encodeToken(name: string): string {
  return Buffer.from(`1${name}`).toString('base64url');
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (text.startsWith('1')) return text.slice(1);
  throw new S3Error('InvalidArgument', {
    message: 'The continuation token provided is incorrect',
    fields: { ArgumentName: 'continuation-token' },
  });
}

export function listObjectVersions(call: Call): Reply {
  const bucket = call.buckets.get(call.bucket);
  const { encode, element } = encodingOf(call);
  const keyMarker = call.query.get('key-marker') ?? '';
  const versionMarker = call.query.get('version-id-marker') ?? '';
  const query = queryOf(call, '');
  const rows = versionRows(bucket, query, { keyMarker, versionMarker });
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const isTruncated = rows.length > page.length && last !== undefined;
  return {
    status: 200,
    body: renderXml('ListVersionsResult', {
      ...listHead(bucket, query, encode),
      KeyMarker: encode(keyMarker),
      VersionIdMarker: versionMarker,
      NextKeyMarker: isTruncated ? encode(last.name) : undefined,
      NextVersionIdMarker: isTruncated ? last.version?.versionId : undefined,
      IsTruncated: isTruncated,
      ...element,
      Version: page.flatMap((row) => (row.version?.deleteMarker === true ? [] : versionRow(row, encode))),
      DeleteMarker: page.flatMap((row) => (row.version?.deleteMarker === true ? versionRow(row, encode) : [])),
      CommonPrefixes: page.flatMap(({ name, version }) => (version === undefined ? { Prefix: encode(name) } : [])),
    }),
  };
}

interface VersionRow {
  readonly name: string;
  /** Undefined for a rolled-up prefix. */
  readonly version?: ObjectVersion;
  readonly isLatest?: boolean;
}

function versionRow({ name, version, isLatest }: VersionRow, encode: Encode): XmlContent[] {
  if (version === undefined) return [];
  const common = { Key: encode(name), VersionId: version.versionId, IsLatest: isLatest, Owner: ownerOf() };
  return version.deleteMarker === true
    ? [{ ...common, LastModified: xmlDate(version.lastModifiedMs) }]
    : [{ ...common, ...versionElements(version) }];
}

/** Up to one row more than the limit, so that the caller sees whether there are more. */
function versionRows(
  bucket: Bucket,
  query: ListingQuery,
  markers: { keyMarker: string; versionMarker: string },
): VersionRow[] {
  const { keyMarker, versionMarker } = markers;
  const rows: VersionRow[] = [];
  const add = (name: string, skipTo?: string) => {
    const versions = bucket.versionsOf(name);
    const from = skipTo === undefined ? 0 : versions.findIndex(({ versionId }) => versionId === skipTo) + 1;
    versions.forEach((version, index) => {
      if (index >= from) rows.push({ name, version, isLatest: index === 0 });
    });
  };
  if (versionMarker !== '' && keyMarker.startsWith(query.prefix)) add(keyMarker, versionMarker);
  const page = listPage(bucket.keys, { ...query, after: keyMarker, limit: query.limit + 1 }, () => true);
  for (const item of page.items) {
    if (rows.length > query.limit) break;
    if (item.kind === 'prefix') rows.push({ name: item.prefix });
    else add(item.key);
  }
  return rows;
}

export function listMultipartUploads(call: Call): Reply {
  const bucket = call.buckets.get(call.bucket);
  const { encode, element } = encodingOf(call);
  const keyMarker = call.query.get('key-marker') ?? '';
  const uploadMarker = call.query.get('upload-id-marker') ?? '';
  const query = queryOf(call, '', 'max-uploads');
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(query.prefix))
    .filter((upload) => isAfterMarker(upload, keyMarker, uploadMarker))
    .sort((a, b) => compareKeys(a.key, b.key) || a.initiatedMs - b.initiatedMs || (a.uploadId < b.uploadId ? -1 : 1));
  const { prefixes, plain } = rollUp(uploads, query);
  const page = plain.slice(0, query.limit);
  const isTruncated = page.length < plain.length;
  return {
    status: 200,
    body: renderXml('ListMultipartUploadsResult', {
      Bucket: bucket.name,
      KeyMarker: encode(keyMarker),
      UploadIdMarker: uploadMarker,
      NextKeyMarker: isTruncated ? encode(page.at(-1)?.key ?? '') : undefined,
      NextUploadIdMarker: isTruncated ? page.at(-1)?.uploadId : undefined,
      Prefix: encode(query.prefix),
      Delimiter: query.delimiter === '' ? undefined : encode(query.delimiter),
      MaxUploads: query.limit,
      IsTruncated: isTruncated,
      ...element,
      Upload: page.map((upload) => ({
        Key: encode(upload.key),
        UploadId: upload.uploadId,
        Initiator: ownerOf(),
        Owner: ownerOf(),
        StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
        Initiated: xmlDate(upload.initiatedMs),
        ...(upload.algorithmNamed && { ChecksumAlgorithm: upload.algorithm, ChecksumType: upload.checksumType }),
      })),
      CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
    }),
  };
}

function isAfterMarker(upload: { key: string; uploadId: string }, keyMarker: string, uploadMarker: string): boolean {
  const order = compareKeys(upload.key, keyMarker);
  return keyMarker === '' || order > 0 || (order === 0 && uploadMarker !== '' && upload.uploadId > uploadMarker);
}

function rollUp<T extends { readonly key: string }>(uploads: readonly T[], query: ListingQuery) {
  const keys = new KeyIndex();
  for (const key of new Set(uploads.map((upload) => upload.key))) keys.add(key);
  const { items } = listPage(keys, { ...query, limit: keys.size + 1 }, () => true);
  const plainKeys = new Set(items.filter(({ kind }) => kind === 'key').map(nameOf));
  return {
    prefixes: items.filter(({ kind }) => kind === 'prefix').map(nameOf),
    plain: uploads.filter(({ key }) => plainKeys.has(key)),
  };
}
