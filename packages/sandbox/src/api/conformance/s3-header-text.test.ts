import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import * as S3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { RequestSigner, UNSIGNED_PAYLOAD } from '@runctl/aws-wire';
import { systemClock } from '@runctl/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, S3Server, user } from './s3-server.ts';

const Bucket = 'headers';
let server: S3Server;
let client: S3.S3Client;

beforeAll(async () => {
  server = await S3Server.start();
  client = server.client();
  await client.send(new S3.CreateBucketCommand({ Bucket }));
  await client.send(new S3.PutObjectCommand({ Bucket, Key: 'object', Body: 'x' }));
});
afterAll(() => server.close());

describe('text that no header can hold', () => {
  const refused = [400, expect.stringContaining('<Code>InvalidArgument<')];

  it.each(['\r\nSet-Cookie: a=b', '\n', '\u0000'])(
    'in a link, that would choose a header with %j, is refused',
    async (end) => {
      const command = new S3.GetObjectCommand({ Bucket, Key: 'object', ResponseContentType: `text/plain${end}` });
      const answer = await fetch(await getSignedUrl(client, command));
      expect([answer.status, await answer.text()]).toEqual(refused);
    },
  );

  it.each([{ a: 'x\r\ny: z' }, { 'a b': 'x' }])(
    'in a link, that would keep %j with an object, is refused',
    async (Metadata) => {
      const url = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'kept', Metadata }));
      const answer = await fetch(url, { method: 'PUT', body: 'x' });
      expect([answer.status, await answer.text()]).toEqual(refused);
    },
  );
});

it('takes metadata in UTF-8 and gives it back encoded, and other headers byte for byte', async () => {
  const { hostname, port } = new URL(server.endpoint);
  const path = `/${Bucket}/named`;
  const own = { 'x-amz-meta-name': 'Zürich 東京', 'content-disposition': 'attachment; filename="ü.pt"' };
  const target = { method: 'PUT', hostname, port: Number(port), path };
  const signer = new RequestSigner({ service: 's3', region: 'us-east-1', clock: systemClock });
  const signed = signer.sign({ ...target, query: {}, headers: own, payloadHash: UNSIGNED_PAYLOAD }, user);
  // As curl sends it; Node itself would send one byte a character.
  const bytes = Object.entries(signed).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
  const headers = { ...Object.fromEntries(bytes), 'content-length': '0' };
  const [answer] = (await once(httpRequest({ ...target, headers }).end(), 'response')) as [IncomingMessage];
  expect([answer.statusCode, await text(answer)]).toEqual([200, '']);

  const got = await fetch(await getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: 'named' })));
  expect(got.headers.get('x-amz-meta-name')).toBe(`=?UTF-8?B?${Buffer.from('Zürich 東京').toString('base64')}?=`);
  expect(Buffer.from(got.headers.get('content-disposition') ?? '', 'latin1').toString()).toBe(
    own['content-disposition'],
  );
});

describe('a header that asks for what is not modelled is refused, where neglect would lose something', () => {
  it.each([
    ['appending', { WriteOffsetBytes: 1 }],
    ['a lock', { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date('2030-01-01') }],
    ['a legal hold', { ObjectLockLegalHoldStatus: 'ON' }],
    ['a key of the customer', { SSECustomerAlgorithm: 'AES256', SSECustomerKey: 'k'.repeat(32) }],
  ] as const)('%s', async (_, more) => {
    const put = new S3.PutObjectCommand({ Bucket, Key: 'object', Body: 'y', ...more });
    expect(await failureOf(server.client({ endpoint: server.endpoint }).send(put))).toEqual({
      name: 'NotImplemented',
      status: 501,
    });
  });
});
