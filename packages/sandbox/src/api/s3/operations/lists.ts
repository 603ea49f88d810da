import type { Bucket } from '../../../model/s3/bucket.ts';
import type { VerifiedCall, S3Reply } from '../call/call.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { listPage, type ListingPage } from '../../../model/s3/listing.ts';
import { renderXml, type XmlContent, type XmlElements } from '../call/xml.ts';
import { encodingOf, listHead, queryOf, versionElements, type Encode } from './list-answers.ts';
import { ownerOf } from './owner.ts';

export function listObjectsV2(call: VerifiedCall): S3Reply {
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

export function listObjects(call: VerifiedCall): S3Reply {
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
