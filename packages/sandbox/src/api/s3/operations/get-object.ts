import type { Bucket } from '../../../model/s3/bucket.ts';
import { assertHeader, httpDate, numberOf, quoted, type VerifiedCall, type S3Reply } from '../call/call.ts';
import { checksumElement, checksumHeader } from '../call/checksum-demand.ts';
import { readConditionsOf } from '../call/conditions.ts';
import { S3Refusal } from '../call/refusal.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { judgeRead } from '../../../model/s3/preconditions.ts';
import type { ObjectVersion } from '../../../model/s3/records.ts';
import { renderXml } from '../call/xml.ts';
import { checksumHeaders, versionFor, versionIdHeader } from './details.ts';

/** Query parameters by which a GET may choose the headers of its own answer. */
const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];

interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export function getObject(call: VerifiedCall): S3Reply {
  const { bucket, version, reply, span } = readReply(call);
  if (reply.status === 304) return reply;
  return { ...reply, body: bucket.blobs.read(version.segments, span.start, span.end) };
}

export function headObject(call: VerifiedCall): S3Reply {
  const { reply, span } = readReply(call);
  if (reply.status === 304) return reply;
  return { ...reply, headers: { ...reply.headers, 'content-length': span.end - span.start } };
}

function readReply(call: VerifiedCall): { bucket: Bucket; version: ObjectVersion; reply: S3Reply; span: Span } {
  const bucket = call.buckets.get(call.bucket);
  const version = versionFor(bucket, call.key, call.query.get('versionId'));
  const verdict = judgeRead(readConditionsOf(call.headers), version);
  if (verdict instanceof S3Error) throw verdict;
  const whole = { start: 0, end: version.sizeBytes };
  if (verdict === 'not-modified') {
    const { etag, 'last-modified': lastModified, ...rest } = objectHeaders(call, bucket, version);
    const headers = { etag, 'last-modified': lastModified, 'cache-control': rest['cache-control'] };
    return { bucket, version, reply: { status: 304, headers }, span: whole };
  }
  const part = partOf(call, version);
  const span = part?.span ?? byteRangeOf(rangeHeaderOf(call, version), version.sizeBytes) ?? whole;
  const isPartial = part !== undefined || span !== whole;
  const headers = {
    ...objectHeaders(call, bucket, version),
    ...part?.headers,
    ...(isPartial && span.end > span.start
      ? { 'content-range': `bytes ${span.start}-${span.end - 1}/${version.sizeBytes}` }
      : {}),
    ...(call.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED'
      ? (part?.checksum ?? (isPartial ? {} : checksumHeaders(version.checksum)))
      : {}),
  };
  return { bucket, version, reply: { status: isPartial ? 206 : 200, headers }, span };
}

function objectHeaders(call: VerifiedCall, bucket: Bucket, version: ObjectVersion): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {
    'last-modified': httpDate(version.lastModifiedMs),
    etag: quoted(version.etag),
    'accept-ranges': 'bytes',
    ...versionIdHeader(bucket, version),
    ...version.headers,
  };
  for (const [name, value] of Object.entries(version.metadata)) headers[`x-amz-meta-${name}`] = value;
  const tagCount = Object.keys(version.tags).length;
  if (tagCount > 0) headers['x-amz-tagging-count'] = String(tagCount);
  for (const name of OVERRIDES) {
    const override = call.query.get(`response-${name}`);
    if (override === undefined) continue;
    assertHeader(`response-${name}`, override);
    headers[name] = override;
  }
  return headers;
}

/** With If-Range the range only counts while the object is still the one that the client knows. */
function rangeHeaderOf(call: VerifiedCall, version: ObjectVersion): string | undefined {
  const ifRange = call.headers['if-range'];
  if (ifRange === undefined) return call.headers['range'];
  const conditions = ifRange.includes('"') ? { 'if-match': ifRange } : { 'if-unmodified-since': ifRange };
  return judgeRead(readConditionsOf(conditions), version) === 'proceed' ? call.headers['range'] : undefined;
}

/**
 * Reads one byte range. Undefined, so the whole object is sent, when the header is not a single well-formed range
 * (RFC 9110 §14.2). Throws InvalidRange when it begins past the end.
 */
export function byteRangeOf(header: string | undefined, sizeBytes: number): Span | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [, first, last] = match;
  if (first === '') {
    const start = Math.max(0, sizeBytes - Number(last));
    if (Number(last) > 0 && sizeBytes > 0) return { start, end: sizeBytes };
  } else {
    const start = Number(first);
    const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
    if (last !== '' && Number(last) < start) return undefined;
    if (start < sizeBytes) return { start, end };
  }
  throw new S3Refusal('InvalidRange', {
    fields: { RangeRequested: header ?? '', ActualObjectSize: sizeBytes },
    headers: { 'content-range': `bytes */${sizeBytes}` },
  });
}

interface PartView {
  readonly span: Span;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum?: Readonly<Record<string, string>>;
}

/** The part of an object that a GET or HEAD with a part number sees; an object that was sent in one piece counts as its own part 1. */
function partOf(call: VerifiedCall, version: ObjectVersion): PartView | undefined {
  if (!call.query.has('partNumber')) return undefined;
  const number = numberOf(call, 'partNumber', { fallback: 1, min: 1, max: 10_000 });
  const parts = version.parts;
  const position = parts?.findIndex((part) => part.number === number) ?? number - 1;
  const part = parts?.[position];
  if (parts === undefined ? number !== 1 : part === undefined)
    throw new S3Error('InvalidRange', { message: 'The requested partnumber is not satisfiable' });
  if (parts === undefined || part === undefined) return { span: { start: 0, end: version.sizeBytes }, headers: {} };
  const start = parts.slice(0, position).reduce((sum, one) => sum + one.sizeBytes, 0);
  return {
    span: { start, end: start + part.sizeBytes },
    headers: { 'x-amz-mp-parts-count': String(parts.length) },
    ...(version.checksum && {
      checksum: {
        [checksumHeader(version.checksum.algorithm)]: part.checksum,
        'x-amz-checksum-type': version.checksum.type,
      },
    }),
  };
}

export function getObjectAttributes(call: VerifiedCall): S3Reply {
  const bucket = call.buckets.get(call.bucket);
  const version = versionFor(bucket, call.key, call.query.get('versionId'));
  const wanted = new Set((call.headers['x-amz-object-attributes'] ?? '').split(',').map((one) => one.trim()));
  const { checksum, parts } = version;
  const content = {
    ETag: wanted.has('ETag') ? version.etag : undefined,
    Checksum:
      wanted.has('Checksum') && checksum !== undefined
        ? { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }
        : undefined,
    ObjectParts:
      wanted.has('ObjectParts') && parts !== undefined && checksum !== undefined
        ? {
            PartsCount: parts.length,
            IsTruncated: false,
            Part: parts.map((part) => ({
              PartNumber: part.number,
              Size: part.sizeBytes,
              [checksumElement(checksum.algorithm)]: part.checksum,
            })),
          }
        : undefined,
    StorageClass: wanted.has('StorageClass') ? (version.headers['x-amz-storage-class'] ?? 'STANDARD') : undefined,
    ObjectSize: wanted.has('ObjectSize') ? version.sizeBytes : undefined,
  };
  return {
    status: 200,
    headers: { 'last-modified': httpDate(version.lastModifiedMs), ...versionIdHeader(bucket, version) },
    body: renderXml('GetObjectAttributesResponse', content),
  };
}
