import { xmlDate, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { listingOrder, KeyIndex } from '../../../model/s3/key-index.ts';
import { listPage, listedName, type ListingQuery } from '../../../model/s3/listing.ts';
import { renderXml } from '../call/xml.ts';
import { encodingOf, queryOf } from './list-answers.ts';
import { ownerOf } from './owner.ts';

export function listMultipartUploads(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const { encode, element } = encodingOf(call);
  const keyMarker = call.query.get('key-marker') ?? '';
  const uploadMarker = call.query.get('upload-id-marker') ?? '';
  const query = queryOf(call, '', 'max-uploads');
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(query.prefix))
    .filter((upload) => isAfterMarker(upload, keyMarker, uploadMarker))
    .sort((a, b) => listingOrder(a.key, b.key) || a.initiatedMs - b.initiatedMs || (a.uploadId < b.uploadId ? -1 : 1));
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
  const order = listingOrder(upload.key, keyMarker);
  return keyMarker === '' || order > 0 || (order === 0 && uploadMarker !== '' && upload.uploadId > uploadMarker);
}

function rollUp<T extends { readonly key: string }>(uploads: readonly T[], query: ListingQuery) {
  const keys = new KeyIndex();
  for (const key of new Set(uploads.map((upload) => upload.key))) keys.add(key);
  const { items } = listPage(keys, { ...query, limit: keys.size + 1 }, () => true);
  const plainKeys = new Set(items.filter(({ kind }) => kind === 'key').map(listedName));
  return {
    prefixes: items.filter(({ kind }) => kind === 'prefix').map(listedName),
    plain: uploads.filter(({ key }) => plainKeys.has(key)),
  };
}
