import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_PAYLOAD, RequestSigner, sha256Hex, type SignableRequest } from './signer.ts';
import { encodePath } from './uri.ts';

// The examples of "Authenticating Requests: Using the Authorization Header" in the S3 API reference.
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const base: SignableRequest = {
  method: 'GET',
  hostname: 'examplebucket.s3.amazonaws.com',
  port: null,
  path: '/',
  query: {},
  headers: {},
  payloadHash: EMPTY_PAYLOAD,
};
const nowMs = Date.UTC(2013, 4, 24);

function authorizationOf(request: Partial<SignableRequest>): string {
  const signer = new RequestSigner({ service: 's3', region: 'us-east-1', clock: { wallMs: () => nowMs } });
  const headers = signer.sign({ ...base, ...request }, credentials);
  return headers['authorization'] ?? '';
}

/** As the examples of AWS's documentation of signature version 4 and of its published test suite are signed. */
function signatureOf(service: string, request: Partial<SignableRequest>): string {
  const clock = { wallMs: () => Date.UTC(2015, 7, 30, 12, 36) };
  const signer = new RequestSigner({ service, region: 'us-east-1', clock });
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const headers = signer.sign({ ...base, hostname: 'example.amazonaws.com', ...request }, keys);
  return headers['authorization']?.replace(/^.*Signature=/, '') ?? '';
}

describe('signing for other services', () => {
  test('signs a plain GET as the published test suite does', () => {
    expect(signatureOf('service', {})).toBe('5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31');
  });

  test('signs a form as the published test suite does', () => {
    const form = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payloadHash: sha256Hex('Param1=value1'),
    };
    expect(signatureOf('service', form)).toBe('ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a');
  });

  test("signs IAM's ListUsers as AWS's documentation does", () => {
    const listUsers = {
      hostname: 'iam.amazonaws.com',
      query: { Action: 'ListUsers', Version: '2010-05-08' },
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    };
    expect(signatureOf('iam', listUsers)).toBe('5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  });
});

describe('signing for S3', () => {
  test('signs a ranged GET as AWS does', () => {
    expect(authorizationOf({ path: '/test.txt', headers: { range: 'bytes=0-9' } })).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  test('signs a query, also one without a value', () => {
    expect(authorizationOf({ query: { lifecycle: '' } })).toContain(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    expect(authorizationOf({ query: { prefix: 'J', 'max-keys': '2' } })).toContain(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  test('dates requests by its clock and sends the session token', () => {
    const signer = new RequestSigner({
      service: 's3',
      region: 'us-east-1',
      clock: { wallMs: () => nowMs + 3_600_000 },
    });
    const headers = signer.sign(base, { ...credentials, sessionToken: 'token' });
    expect(headers).toMatchObject({ 'x-amz-date': '20130524T010000Z', 'x-amz-security-token': 'token' });
  });

  test.each(['s3', 'ec2'])('signs any request to %s as the AWS SDK does', async (service) => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const ascii = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
    const name = fc.stringMatching(/^x-[a-z][a-z0-9-]{0,8}[a-z]$/);
    const arbitrary = fc.record({
      method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
      key: text.filter((key) => key.isWellFormed()),
      query: fc.dictionary(
        text.filter((each) => each !== '' && each !== '__proto__' && each.isWellFormed()),
        ascii,
        { noNullPrototype: true },
      ),
      headers: fc.dictionary(name, ascii, { noNullPrototype: true }),
      port: fc.option(fc.integer({ min: 1024, max: 65_535 })),
      sessionToken: fc.option(ascii, { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ key, sessionToken, ...request }) => {
        const path = `/bucket/${encodePath(key)}`;
        const keys = { ...credentials, ...(sessionToken === undefined ? {} : { sessionToken }) };
        const signer = new RequestSigner({ service, region: 'us-east-1', clock: { wallMs: () => nowMs } });
        const ours = signer.sign({ ...base, ...request, path }, keys);
        const { authorization, ...unsigned } = ours;
        const theirs = await new SignatureV4({
          service,
          region: 'us-east-1',
          sha256: NodeSha256,
          uriEscapePath: service !== 's3',
          applyChecksum: false,
          credentials: keys,
        }).sign(
          {
            method: request.method,
            protocol: 'https:',
            hostname: base.hostname,
            path,
            query: request.query,
            headers: unsigned,
          },
          { signingDate: new Date(nowMs) },
        );
        expect(authorization).toBe(theirs.headers['authorization']);
      }),
      { numRuns: 200 },
    );
  });
});

/** What the library hashes with. */
class NodeSha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret as Parameters<typeof createHmac>[1] | undefined;
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('not used');
  }
}
