import type { Bucket } from '../../../model/s3/bucket.ts';
import { xmlDate, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { listPage, type ListingQuery } from '../../../model/s3/listing.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import { renderXml, type XmlContent } from '../call/xml.ts';
import { encodingOf, listHead, queryOf, versionElements, type Encode } from './list-answers.ts';
import { ownerOf } from './owner.ts';

export function listObjectVersions(call: VerifiedCall): S3Reply {
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
