import { encodeUriStrictly } from '@runctl/aws-wire';
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CredentialStore } from '../model/account/principal.ts';
import { SignatureError } from './signature-error.ts';
import { credentialScopeOf, verifySignature, type SignedRequest } from './signature.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 2, 4, 0);
const key = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret/+=' };
const principal = { accessKeyId: key.accessKeyId, kind: 'user', arn: 'arn:aws:iam::000000000000:user/t' } as const;
const store: CredentialStore = {
  find: (id) => (id === key.accessKeyId ? { secretAccessKey: key.secretAccessKey, principal } : undefined),
};

class NodeSha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Uint8Array);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('the signer never resets');
  }
}

interface Draft {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Signs with AWS's own library and gives back the request as a server would see it. */
async function signed(draft: Draft, how: { service: string; presign?: boolean }): Promise<SignedRequest> {
  const isS3 = how.service === 's3';
  const signer = new SignatureV4({
    service: how.service,
    region: 'eu-west-1',
    credentials: key,
    uriEscapePath: !isS3,
    applyChecksum: isS3,
    sha256: NodeSha256,
  });
  const request = {
    ...draft,
    protocol: 'http:',
    hostname: 'localhost',
    headers: {
      host: 'localhost',
      ...(how.presign === true && { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
      ...draft.headers,
    },
  };
  const options = { signingDate: new Date(NOW_MS) };
  const result = how.presign === true ? await signer.presign(request, options) : await signer.sign(request, options);
  const query = Object.entries(result.query ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
  const headers = Object.fromEntries(
    Object.entries(result.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    method: draft.method,
    url: query === '' ? draft.path : `${draft.path}?${query}`,
    headers,
  };
}

function verify(request: SignedRequest, service: string, more: { body?: string; nowMs?: number } = {}) {
  return verifySignature(request, {
    store,
    service,
    nowMs: more.nowMs ?? NOW_MS,
    ...(more.body !== undefined && { body: Buffer.from(more.body) }),
  });
}

function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SignatureError) return error.fault;
    throw error;
  }
  return 'none';
}

const plain: Draft = { method: 'POST', path: '/', query: {}, headers: {}, body: 'Action=DescribeInstances' };
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((one) => one.isWellFormed());

describe('signatures', () => {
  it('of AWS’s own signer are found right for any path, query and header of S3', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 3 }),
        fc.dictionary(text, text, { maxKeys: 4 }),
        fc.string({ maxLength: 12 }),
        fc.boolean(),
        async (segments, query, header, presign) => {
          const path = `/${segments.map((segment) => encodeUriStrictly(segment)).join('/')}`;
          const headers = { 'x-amz-meta-a': header.trim() };
          const request = await signed(
            { ...plain, method: 'PUT', path, query, headers, body: 'b' },
            { service: 's3', presign },
          );
          expect(verify(request, 's3').presigned).toBe(presign);
        },
      ),
    );
  });

  it('of other services are checked over the body, which they sign', async () => {
    const request = await signed(plain, { service: 'ec2' });
    expect(verify(request, 'ec2', { body: plain.body }).principal).toEqual(principal);
    expect(faultOf(() => verify(request, 'ec2', { body: 'Action=TerminateInstances' }))).toBe('mismatch');
  });

  it('do not hold for anything else than what was signed', async () => {
    const draft: Draft = {
      ...plain,
      method: 'GET',
      path: '/bucket/key',
      query: { a: '1' },
      headers: { 'x-amz-b': '2' },
    };
    const request = await signed(draft, { service: 's3' });
    const changed = (change: object) => faultOf(() => verify({ ...request, ...change }, 's3'));
    expect(changed({})).toBe('none');
    expect(changed({ method: 'DELETE' })).toBe('mismatch');
    expect(changed({ url: '/bucket/other?a=1' })).toBe('mismatch');
    expect(changed({ url: '/bucket/key?a=2' })).toBe('mismatch');
    expect(changed({ headers: { ...request.headers, 'x-amz-b': '3' } })).toBe('mismatch');
    expect(changed({ headers: { ...request.headers, 'x-amz-c': '3' } })).toBe('headers-not-signed');
    expect(changed({ headers: { host: 'localhost' } })).toBe('missing');
  });

  it('are refused for another service, an unreadable header and another time', async () => {
    const request = await signed(plain, { service: 'ec2' });
    expect(faultOf(() => verify(request, 'ssm', { body: plain.body }))).toBe('wrong-scope');
    const body = plain.body;
    expect(faultOf(() => verify(request, 'ec2', { body, nowMs: NOW_MS + 901_000 }))).toBe('skewed');
    expect(faultOf(() => verify(request, 'ec2', { body, nowMs: NOW_MS - 901_000 }))).toBe('skewed');
    expect(faultOf(() => verify(request, 'ec2', { body, nowMs: NOW_MS + 899_000 }))).toBe('none');
    const garbled = { ...request, headers: { ...request.headers, authorization: 'AWS4-HMAC-SHA256 Credential=x' } };
    expect(faultOf(() => verify(garbled, 'ec2', { body }))).toBe('malformed');
    const old = { ...request, headers: { ...request.headers, authorization: 'AWS AKIA:signature' } };
    expect(faultOf(() => verify(old, 'ec2', { body }))).toBe('unsupported');
  });

  it('of presigned URLs end with their time', async () => {
    const request = await signed({ ...plain, method: 'GET', path: '/b/k' }, { service: 's3', presign: true });
    expect(faultOf(() => verify(request, 's3', { nowMs: NOW_MS + 3_599_000 }))).toBe('none');
    expect(faultOf(() => verify(request, 's3', { nowMs: NOW_MS + 3_601_000 }))).toBe('presign-expired');
    expect(faultOf(() => verify(request, 's3', { nowMs: NOW_MS - 901_000 }))).toBe('presign-not-yet');
  });

  it('name their service and region before anything is verified', async () => {
    for (const presign of [false, true]) {
      const scope = credentialScopeOf(await signed({ ...plain, path: '/b/k' }, { service: 's3', presign }));
      expect(scope).toMatchObject({ accessKeyId: 'AKIAEXAMPLE', region: 'eu-west-1', service: 's3' });
    }
    expect(credentialScopeOf({ url: '/', headers: {} })).toBeUndefined();
  });
});
