import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { CredentialStore, Principal, Secret } from '../model/account/principal.ts';
import { SignatureError } from './signature-error.ts';
import { canonicalRequest, type CanonicalParts } from './signature-canonical.ts';
import {
  decodeQuery,
  parseSignatureFields,
  type QueryPairs,
  type SignatureFields,
  type SignedRequest,
} from './signature-fields.ts';

export type { SignedRequest } from './signature-fields.ts';
export { credentialScopeOf } from './signature-fields.ts';

/** Requests whose clock differs by more than this are refused (AWS: RequestTimeTooSkewed). */
const MAX_SKEW_MS = 15 * 60_000;

/** Input for checking the signatures of the chunks, which follow the header's own ("seed") signature. */
export interface ChunkSeed {
  readonly signature: string;
  readonly signingKey: Buffer;
  readonly timestamp: string;
  readonly scope: string;
}

/** The protection of the body; the receiver of the body enforces it. */
export type PayloadProtection =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'sha256'; readonly hex: string }
  /** aws-chunked; `seed` is null when the chunks carry no signatures of their own. */
  | { readonly kind: 'chunked'; readonly trailer: boolean; readonly seed: ChunkSeed | null };

export interface VerifiedRequest {
  readonly principal: Principal;
  readonly credentialScope: { readonly date: string; readonly region: string; readonly service: string };
  readonly payload: PayloadProtection;
  readonly presigned: boolean;
}

export interface VerifyOptions {
  readonly store: CredentialStore;
  readonly nowMs: number;
  /** The service that the scope must name, such as `s3` or `ec2`. */
  readonly service: string;
  /** When given, the scope must name this region. */
  readonly region?: string;
  /** The whole body, for services that read it first. S3 leaves it out and checks `payload` while the body streams in. */
  readonly body?: Buffer;
}

/**
 * Checks the SigV4 signature of a request, in its headers or in its query (presigned).
 * Throws SignatureError; never looks at the body unless one is given.
 */
export function verifySignature(request: SignedRequest, options: VerifyOptions): VerifiedRequest {
  const url = request.url ?? '/';
  const split = url.indexOf('?');
  const query = decodeQuery(split < 0 ? '' : url.slice(split + 1));
  const fields = parse(request, query);
  const { scope } = fields;
  if (scope.service !== options.service || scope.terminator !== 'aws4_request')
    throw new SignatureError('wrong-scope', `Credential should be scoped to correct service: '${options.service}'.`);
  if (options.region !== undefined && scope.region !== options.region)
    throw new SignatureError(
      'wrong-scope',
      `The authorization header is malformed; the region '${scope.region}' is wrong; expecting '${options.region}'`,
      { Region: options.region },
    );
  const secret = options.store.find(scope.accessKeyId);
  if (secret === undefined) throw unknownKey(scope.accessKeyId);
  checkTime(fields, options.nowMs - (secret.clockOffsetMs ?? 0));
  checkToken(fields, secret);
  const payloadHash = payloadHashOf(request, fields, options);
  const canonical = canonicalOf({
    request,
    path: split < 0 ? url : url.slice(0, split),
    query,
    fields,
    payloadHash,
    singleEncoded: options.service === 's3',
  });
  const signingKey = signingKeyOf(secret, fields);
  compare(fields, canonical, signingKey);
  if (options.service === 's3') checkAllAmzHeadersSigned(request, fields);
  if (secret.expiresAtMs !== undefined && options.nowMs >= secret.expiresAtMs)
    throw new SignatureError('token-expired', 'The provided token has expired.');
  return {
    principal: secret.principal,
    credentialScope: { date: scope.date, region: scope.region, service: scope.service },
    payload: protectionOf(payloadHash, { fields, signingKey }),
    presigned: fields.presigned !== undefined,
  };
}

function canonicalOf(parts: CanonicalParts): string {
  try {
    return canonicalRequest(parts);
  } catch {
    throw new SignatureError('malformed', 'The path is not valid percent-encoded UTF-8.');
  }
}

function parse(request: SignedRequest, query: QueryPairs): SignatureFields {
  const fields = parseSignatureFields(request.headers, query);
  if (fields === 'missing') throw new SignatureError('missing', 'Access Denied.');
  if (fields === 'unsupported')
    throw new SignatureError(
      'unsupported',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    );
  if (fields === 'malformed')
    throw new SignatureError('malformed', 'The authorization header or query parameters are malformed.');
  return fields;
}

function unknownKey(accessKeyId: string): SignatureError {
  return new SignatureError('unknown-key', 'The AWS Access Key Id you provided does not exist in our records.', {
    AWSAccessKeyId: accessKeyId,
  });
}

function checkTime(fields: SignatureFields, nowMs: number): void {
  const { timeMs, presigned } = fields;
  if (presigned === undefined) {
    if (Math.abs(nowMs - timeMs) <= MAX_SKEW_MS) return;
    throw new SignatureError('skewed', 'The difference between the request time and the current time is too large.', {
      RequestTime: fields.timestamp,
      ServerTime: new Date(nowMs).toISOString(),
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
    });
  }
  if (timeMs - nowMs > MAX_SKEW_MS) throw new SignatureError('presign-not-yet', 'Request is not valid yet');
  const expiresMs = timeMs + presigned.expiresSeconds * 1000;
  if (nowMs > expiresMs)
    throw new SignatureError('presign-expired', 'Request has expired', {
      'X-Amz-Expires': String(presigned.expiresSeconds),
      Expires: new Date(expiresMs).toISOString(),
      ServerTime: new Date(nowMs).toISOString(),
    });
}

function checkToken(fields: SignatureFields, secret: Secret): void {
  if (secret.sessionToken === fields.securityToken) return;
  // A temporary key without its token is, to AWS, a key that does not exist.
  if (fields.securityToken === undefined) throw unknownKey(fields.scope.accessKeyId);
  throw new SignatureError('token-invalid', 'The provided token is malformed or otherwise invalid.');
}

function payloadHashOf(request: SignedRequest, fields: SignatureFields, options: VerifyOptions): string {
  const header = request.headers['x-amz-content-sha256'];
  if (fields.presigned !== undefined && options.service === 's3')
    return typeof header === 'string' ? header : (fields.presigned.contentSha256 ?? 'UNSIGNED-PAYLOAD');
  if (options.body !== undefined) {
    const actual = createHash('sha256').update(options.body).digest('hex');
    if (typeof header === 'string' && header !== actual && /^[0-9a-f]{64}$/.test(header))
      throw new SignatureError('payload-mismatch', 'The x-amz-content-sha256 does not match what was computed.');
    return typeof header === 'string' ? header : actual;
  }
  if (typeof header === 'string') return header;
  throw new SignatureError('payload-hash-missing', 'Missing required header for this request: x-amz-content-sha256');
}

function compare(fields: SignatureFields, canonical: string, signingKey: Buffer): void {
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    fields.timestamp,
    scopeText(fields),
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const expected = createHmac('sha256', signingKey).update(stringToSign).digest();
  const given = Buffer.from(fields.signature, 'hex');
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new SignatureError(
    'mismatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    {
      AWSAccessKeyId: fields.scope.accessKeyId,
      StringToSign: stringToSign,
      SignatureProvided: fields.signature,
      CanonicalRequest: canonical,
    },
  );
}

function checkAllAmzHeadersSigned(request: SignedRequest, fields: SignatureFields): void {
  const unsigned = Object.keys(request.headers).filter(
    (name) => name.startsWith('x-amz-') && !fields.signedHeaders.includes(name) && name !== 'x-amz-content-sha256',
  );
  if (unsigned.length === 0 && fields.signedHeaders.includes('host')) return;
  throw new SignatureError('headers-not-signed', 'There were headers present in the request which were not signed', {
    HeadersNotSigned: unsigned.join(', ') || 'host',
  });
}

function scopeText({ scope }: SignatureFields): string {
  return `${scope.date}/${scope.region}/${scope.service}/${scope.terminator}`;
}

/** The key of the last scope each secret was used with: a secret signs for one day, region and service at a time. */
const lastSigningKeys = new WeakMap<Secret, { scope: string; key: Buffer }>();

function signingKeyOf(secret: Secret, fields: SignatureFields): Buffer {
  const scope = scopeText(fields);
  const last = lastSigningKeys.get(secret);
  if (last?.scope === scope) return last.key;
  let key = Buffer.from(`AWS4${secret.secretAccessKey}`);
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  lastSigningKeys.set(secret, { scope, key });
  return key;
}

function protectionOf(payloadHash: string, signed: { fields: SignatureFields; signingKey: Buffer }): PayloadProtection {
  const { fields, signingKey } = signed;
  if (payloadHash === 'UNSIGNED-PAYLOAD') return { kind: 'unsigned' };
  if (payloadHash === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return { kind: 'chunked', trailer: true, seed: null };
  if (payloadHash.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'))
    return {
      kind: 'chunked',
      trailer: payloadHash.endsWith('-TRAILER'),
      seed: { signature: fields.signature, signingKey, timestamp: fields.timestamp, scope: scopeText(fields) },
    };
  if (/^[0-9a-f]{64}$/.test(payloadHash)) return { kind: 'sha256', hex: payloadHash };
  throw new SignatureError(
    'malformed',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value or a valid sha256 value.',
  );
}
