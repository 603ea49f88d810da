import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The part of a request that its signature covers. */
export type SignedRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

export interface CredentialScope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

export type QueryPairs = readonly (readonly [name: string, value: string])[];

/** The fields of a SigV4 signature, from the headers or the query. */
export interface SignatureFields {
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261122T020400Z`, as signed. */
  readonly timestamp: string;
  readonly timeMs: number;
  readonly securityToken: string | undefined;
  readonly presigned: { readonly expiresSeconds: number; readonly contentSha256: string | undefined } | undefined;
}

/** Seven days, the longest that AWS lets a presigned URL live. */
const MAX_EXPIRES_SECONDS = 604_800;

/**
 * Cheaply reads which service and region a request is signed for, so that a router can dispatch it. Nothing is verified.
 * Undefined when the request carries no readable SigV4 credential.
 */
export function credentialScopeOf(request: SignedRequest): CredentialScope | undefined {
  const header = /Credential=([^,\s]+)/.exec(request.headers.authorization ?? '');
  if (header?.[1] !== undefined) return parseScope(header[1]);
  const parameter = /[?&]X-Amz-Credential=([^&]+)/.exec(request.url ?? '');
  try {
    return parameter?.[1] === undefined ? undefined : parseScope(decodeURIComponent(parameter[1]));
  } catch {
    return undefined;
  }
}

/** Reads the signature from the headers, or else from the query. */
export function parseSignatureFields(
  headers: IncomingHttpHeaders,
  query: QueryPairs,
): SignatureFields | 'missing' | 'malformed' | 'unsupported' {
  const parameters = new Map(query);
  if (headers.authorization !== undefined) return fromHeaders(headers);
  if (parameters.has('X-Amz-Algorithm') || parameters.has('X-Amz-Signature')) return fromQuery(parameters);
  return parameters.has('AWSAccessKeyId') ? 'unsupported' : 'missing';
}

function fromHeaders(headers: IncomingHttpHeaders): SignatureFields | 'malformed' | 'unsupported' {
  const authorization = headers.authorization ?? '';
  if (!authorization.startsWith('AWS4-HMAC-SHA256')) return 'unsupported';
  const part = (name: string) => new RegExp(`${name}=([^,\\s]+)`).exec(authorization)?.[1] ?? '';
  const scope = parseScope(part('Credential'));
  const token = headers['x-amz-security-token'];
  const date = headers['x-amz-date'] ?? headers.date ?? '';
  const time = parseTime(Array.isArray(date) ? '' : date);
  const signedHeaders = part('SignedHeaders').split(';').filter(Boolean);
  if (scope === undefined || time === undefined || signedHeaders.length === 0) return 'malformed';
  if (!time.timestamp.startsWith(scope.date)) return 'malformed';
  return {
    scope,
    signedHeaders,
    signature: part('Signature'),
    ...time,
    securityToken: Array.isArray(token) ? undefined : token,
    presigned: undefined,
  };
}

function fromQuery(parameters: Map<string, string>): SignatureFields | 'malformed' | 'unsupported' {
  if (parameters.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') return 'unsupported';
  const scope = parseScope(parameters.get('X-Amz-Credential') ?? '');
  const time = parseTime(parameters.get('X-Amz-Date') ?? '');
  const expiresSeconds = Number(parameters.get('X-Amz-Expires') ?? Number.NaN);
  const signedHeaders = (parameters.get('X-Amz-SignedHeaders') ?? '').split(';').filter(Boolean);
  if (scope === undefined || time === undefined || signedHeaders.length === 0) return 'malformed';
  if (!(expiresSeconds >= 1 && expiresSeconds <= MAX_EXPIRES_SECONDS)) return 'malformed';
  return {
    scope,
    signedHeaders,
    signature: parameters.get('X-Amz-Signature') ?? '',
    ...time,
    securityToken: parameters.get('X-Amz-Security-Token'),
    presigned: { expiresSeconds, contentSha256: parameters.get('X-Amz-Content-Sha256') },
  };
}

function parseScope(text: string): CredentialScope | undefined {
  const [accessKeyId, date, region, service, terminator] = text.split('/');
  if (!accessKeyId || !date || !region || !service || !terminator) return undefined;
  return { accessKeyId, date, region, service, terminator };
}

function parseTime(text: string): { timestamp: string; timeMs: number } | undefined {
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const timeMs = Date.parse(basic ? isoOf(basic) : text);
  if (Number.isNaN(timeMs)) return undefined;
  const timestamp = basic ? text : new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return { timestamp, timeMs };
}

function isoOf(match: RegExpExecArray): string {
  const [, year, month, day, hour, minute, second] = match;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

/** Splits a raw query into decoded pairs, in order. Text that is not valid percent-encoding is kept as it is. */
export function decodeQuery(raw: string): QueryPairs {
  if (raw === '') return [];
  return raw
    .split('&')
    .filter(Boolean)
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/**
 * A header's value as its client wrote it. Node reads the bytes as Latin-1; most clients send UTF-8, and some (fetch, the
 * SDK for JavaScript) Latin-1, which hardly ever is valid UTF-8.
 */
export function asUtf8(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/** Trims a header's value and turns runs of spaces into one, as SigV4 wants it. */
export function collapse(text: string): string {
  return text.trim().replaceAll(/ {2,}/g, ' ');
}
