import { describe, expect, test } from 'vitest';
import { EMPTY_PAYLOAD, S3Signer, type SignableRequest } from './signer.ts';

// The examples of "Authenticating Requests: Using the Authorization Header" in the S3 API reference.
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const base: SignableRequest = {
  method: 'GET',
  protocol: 'https:',
  hostname: 'examplebucket.s3.amazonaws.com',
  port: null,
  path: '/',
  query: {},
  headers: {},
  payloadHash: EMPTY_PAYLOAD,
};
const nowMs = Date.UTC(2013, 4, 24);

async function authorizationOf(request: Partial<SignableRequest>): Promise<string> {
  const signer = new S3Signer({ clock: { wallMs: () => nowMs }, region: 'us-east-1' });
  const headers = await signer.sign({ ...base, ...request }, credentials);
  return headers['authorization'] ?? '';
}

describe('signing for S3', () => {
  test('signs a ranged GET as AWS does', async () => {
    expect(await authorizationOf({ path: '/test.txt', headers: { range: 'bytes=0-9' } })).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  test('signs a query, also one without a value', async () => {
    expect(await authorizationOf({ query: { lifecycle: '' } })).toContain(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    expect(await authorizationOf({ query: { prefix: 'J', 'max-keys': '2' } })).toContain(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  test('dates requests by the service once its clock is known', async () => {
    const signer = new S3Signer({ clock: { wallMs: () => nowMs }, region: 'us-east-1' });
    signer.correctClock(nowMs + 3_600_000);
    const headers = await signer.sign(base, { ...credentials, sessionToken: 'token' });
    expect(headers).toMatchObject({ 'x-amz-date': '20130524T010000Z', 'x-amz-security-token': 'token' });
  });
});
