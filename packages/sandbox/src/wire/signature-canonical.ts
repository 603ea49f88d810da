import { encodePath, encodeUriStrictly } from '@runctl/aws-wire';
import { asUtf8, collapse, type QueryPairs, type SignatureFields, type SignedRequest } from './signature-fields.ts';

export interface CanonicalParts {
  readonly request: SignedRequest;
  readonly path: string;
  readonly query: QueryPairs;
  readonly fields: SignatureFields;
  readonly payloadHash: string;
  /** S3 encodes the path once; every other service encodes what is on the wire a second time. */
  readonly singleEncoded: boolean;
}

/**
 * The text whose hash is signed, put together again from what arrived: a signer knows its names and values, while here
 * each was escaped and repeated as its client saw fit. Throws URIError when the path is not valid percent-encoded UTF-8.
 */
export function canonicalRequest(parts: CanonicalParts): string {
  const { request, fields } = parts;
  const lines = fields.signedHeaders.map((name) => `${name}:${headerText(request, name)}\n`).join('');
  return [
    request.method ?? 'GET',
    canonicalPath(parts.path, parts.singleEncoded),
    canonicalQuery(parts.query),
    lines,
    fields.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n');
}

function canonicalPath(path: string, singleEncoded: boolean): string {
  if (!singleEncoded) return encodePath(path);
  // By segment, so that an escaped slash stays escaped; decoded first, because clients differ in what they escape.
  return path
    .split('/')
    .map((segment) => encodeUriStrictly(decodeURIComponent(segment)))
    .join('/');
}

function canonicalQuery(query: QueryPairs): string {
  return query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeUriStrictly(name), encodeUriStrictly(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function headerText(request: SignedRequest, name: string): string {
  const value = request.headers[name];
  return collapse(asUtf8(Array.isArray(value) ? value.join(',') : (value ?? '')));
}
