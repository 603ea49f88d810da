import { validateHeaderName, type IncomingMessage } from 'node:http';
import type { Principal } from '../../../model/account/principal.ts';
import { asUtf8, decodeQuery } from '../../../wire/signature-fields.ts';
import type { RequestBody } from './body.ts';
import type { Buckets } from '../../../model/s3/buckets.ts';
import type { BlobReader } from '../../../model/s3/blobs.ts';
import { S3Error } from '../../../model/s3/errors.ts';

const MAX_KEY_BYTES = 1024;

/** The address in a request, whichever of S3's two styles it uses. */
export interface Target {
  readonly method: string;
  /** Empty for the service itself. */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** Headers by their lower-case name; those of S3's own parameters that a presigned URL moved into its query count too. */
export type CallHeaders = Readonly<Record<string, string | undefined>>;

/** One verified request, as the operations see it. */
export interface VerifiedCall extends Target {
  readonly headers: CallHeaders;
  readonly body: RequestBody;
  readonly principal: Principal;
  readonly buckets: Buckets;
  readonly region: string;
  nowMs(): number;
}

/** The answer of an operation. Its sender closes a reader. */
export interface S3Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string | BlobReader;
}

export type Operation = (call: VerifiedCall) => S3Reply | Promise<S3Reply>;

/** `bucket.s3.us-east-1.amazonaws.com`, `bucket.s3.amazonaws.com`, `bucket.localhost`: the bucket is in the host name. */
const VIRTUAL_HOST = /^(.+)\.(?:s3(?:[.-][a-z0-9]+)*\.amazonaws\.com|localhost)(?::\d+)?$/i;
/** A DNS name's 253 characters, and a port. Also keeps the expression above, which is tried at each dot, cheap. */
const MAX_HOST_CHARACTERS = 260;

/** Finds bucket and key in host name and path. Throws InvalidURI or KeyTooLongError. */
export function targetOf(request: IncomingMessage): Target {
  const url = request.url ?? '/';
  const split = url.indexOf('?');
  const path = decodePath(split < 0 ? url : url.slice(0, split));
  const query = new Map(split < 0 ? [] : decodeQuery(url.slice(split + 1)));
  const method = request.method ?? 'GET';
  const authority = request.headers.host ?? '';
  if (authority.length > MAX_HOST_CHARACTERS) throw new S3Error('InvalidURI', { fields: { URI: authority } });
  const host = VIRTUAL_HOST.exec(authority)?.[1];
  const slash = path.indexOf('/', 1);
  const bucket = host ?? path.slice(1, slash < 0 ? undefined : slash);
  const key = host === undefined ? (slash < 0 ? '' : path.slice(slash + 1)) : path.slice(1);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new S3Error('KeyTooLongError', { fields: { Size: Buffer.byteLength(key), MaxSizeAllowed: MAX_KEY_BYTES } });
  return { method, bucket, key, query };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new S3Error('InvalidURI', { fields: { URI: path } });
  }
}

/** Parameters that stay parameters: a checksum that a presigner computed over a body it never saw would be wrong. */
const NOT_HOISTED = /^x-amz-(?:checksum-|sdk-checksum-|trailer|content-sha256|security-token)/i;

/** Joins the headers with what a presigned URL carries in its query. */
export function headersOf(request: IncomingMessage, target: Target, presigned: boolean): CallHeaders {
  const headers: Record<string, string | undefined> = {};
  if (presigned)
    for (const [name, value] of target.query) {
      if (!/^x-amz-/i.test(name) || NOT_HOISTED.test(name)) continue;
      assertHeader(name, value);
      headers[name.toLowerCase()] = value;
    }
  for (const [name, given] of Object.entries(request.headers)) {
    const value = Array.isArray(given) ? given.join(', ') : given;
    // S3's own are text; the others, content-disposition for one, come back byte for byte.
    headers[name] = value !== undefined && name.startsWith('x-amz-') ? asUtf8(value) : value;
  }
  return headers;
}

/**
 * Throws InvalidArgument for what no header can hold: a query may carry line ends, which would end the header in an answer
 * and begin the next one.
 */
export function assertHeader(name: string, value: string): void {
  try {
    validateHeaderName(name);
  } catch {
    throw new S3Error('InvalidArgument', { fields: { ArgumentName: name, ArgumentValue: value } });
  }
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (!/[\u0000-\u0008\u000A-\u001F\u007F]/.test(value)) return;
  throw new S3Error('InvalidArgument', {
    message: 'Header value cannot be represented using ISO-8859-1.',
    fields: { ArgumentName: name, ArgumentValue: value },
  });
}

/** Reads a whole number from the query. Throws InvalidArgument when it is none, or is out of range. */
export function numberOf(call: Target, name: string, range: { fallback: number; max?: number; min?: number }): number {
  const text = call.query.get(name);
  if (text === undefined || text === '') return range.fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= (range.min ?? 0) && value <= (range.max ?? 2 ** 31 - 1)) return value;
  throw new S3Error('InvalidArgument', {
    message: `Provided ${name} not an integer or within integer range`,
    fields: { ArgumentName: name, ArgumentValue: text },
  });
}

/** Wraps an ETag in the quotes it has on the wire. */
export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** Second precision, as S3's XML has it. */
export function xmlDate(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString();
}
