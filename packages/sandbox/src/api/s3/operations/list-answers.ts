import { encodePath } from '@runctl/aws-wire';
import type { Bucket } from '../../../model/s3/bucket.ts';
import { numberOf, quoted, xmlDate, type VerifiedCall } from '../call/call.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import type { ListingQuery } from '../../../model/s3/listing.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import type { XmlElements } from '../call/xml.ts';

const MAX_KEYS = 1000;

export type Encode = (name: string) => string;

/** With `encoding-type=url` names are percent-encoded, so that ones that XML cannot hold come through. */
export function encodingOf(call: VerifiedCall): { encode: Encode; element: XmlElements } {
  const type = call.query.get('encoding-type');
  if (type === undefined || type === '') return { encode: (name) => name, element: {} };
  if (type !== 'url')
    throw new S3Error('InvalidArgument', {
      message: 'Invalid Encoding Method specified in Request',
      fields: { ArgumentName: 'encoding-type', ArgumentValue: type },
    });
  return {
    encode: (name) => encodePath(name).replaceAll('%20', '+'),
    element: { EncodingType: 'url' },
  };
}

export function queryOf(call: VerifiedCall, after: string, limitName = 'max-keys'): ListingQuery {
  return {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    after,
    limit: Math.min(MAX_KEYS, numberOf(call, limitName, { fallback: MAX_KEYS })),
  };
}

export function listHead(bucket: Bucket, query: ListingQuery, encode: Encode): XmlElements {
  return {
    Name: bucket.name,
    Prefix: encode(query.prefix),
    Delimiter: query.delimiter === '' ? undefined : encode(query.delimiter),
    MaxKeys: query.limit,
  };
}

export function versionElements(version: ObjectVersion): XmlElements {
  return {
    LastModified: xmlDate(version.lastModifiedMs),
    ETag: quoted(version.etag),
    ChecksumAlgorithm: version.checksum?.algorithm,
    ChecksumType: version.checksum?.type,
    Size: version.sizeBytes,
    StorageClass: version.headers['x-amz-storage-class'] ?? 'STANDARD',
  };
}
