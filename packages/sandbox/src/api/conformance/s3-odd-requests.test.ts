import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import * as S3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, S3Server } from './s3-server.ts';

const Bucket = 'odd';
let server: S3Server;
let client: S3.S3Client;

beforeAll(async () => {
  server = await S3Server.start();
  client = server.client();
  await client.send(new S3.CreateBucketCommand({ Bucket }));
  await client.send(new S3.PutObjectCommand({ Bucket, Key: 'object', Body: 'x' }));
});
afterAll(() => server.close());

async function sent(
  url: string,
  options: { readonly method: string; readonly headers?: Record<string, string>; readonly body?: string },
): Promise<[number | undefined, string]> {
  const { method, headers = {}, body } = options;
  const request = httpRequest(url, { method, headers });
  request.end(body);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return [answer.statusCode, await text(answer)];
}

describe('names of buckets', () => {
  it.each(['foo.-bar', 'foo-.bar', 'a.-', '-a.b', 'a-.b-.c', 'a..b', 'a.-.b', 'x-.-y'])(
    '%s is refused',
    async (name) => {
      const failure = await failureOf(client.send(new S3.CreateBucketCommand({ Bucket: name })));
      expect(failure.name).toBe('InvalidBucketName');
    },
  );

  it.each(['a.b-c', 'a-b.c', '1.a--b.2', 'a-1.b'])('%s is taken', async (name) => {
    await client.send(new S3.CreateBucketCommand({ Bucket: name }));
  });
});

describe('the encoding of an object', () => {
  it.each([
    ['deflate, gzip', 'deflate, gzip'],
    ['aws-chunked, deflate, gzip', 'deflate, gzip'],
    ['gzip,aws-chunked', 'gzip'],
    ['deflate, aws-chunked, gzip', 'deflate, gzip'],
    ['deflate,gzip', 'deflate,gzip'],
    ['aws-chunked', undefined],
  ])('%s is kept as %s', async (ContentEncoding, kept) => {
    const url = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'encoded', ContentEncoding }));
    const [status, said] = await sent(url, {
      method: 'PUT',
      headers: { 'content-encoding': ContentEncoding },
      body: 'x',
    });
    expect([status, said]).toEqual([200, '']);
    const head = await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'encoded' }));
    expect(head.ContentEncoding).toBe(kept);
  });
});

describe('what a browser asks before it asks', () => {
  it('lacks the page that asks', async () => {
    const url = await getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: 'object' }));
    const answer = await sent(url, { method: 'OPTIONS' });
    expect(answer).toEqual([400, expect.stringContaining('Origin request header needed.')]);
  });

  it('is refused to every page', async () => {
    const asks = { origin: 'http://page.example', 'access-control-request-method': 'GET' };
    const answer = await sent(`${server.endpoint}/${Bucket}/object`, { method: 'OPTIONS', headers: asks });
    expect(answer).toEqual([403, expect.stringContaining('CORS is not enabled')]);
  });
});

it.each(['200', 'something', 'x=1'])('an expectation of %s is taken no notice of', async (expectation) => {
  const url = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'expected' }));
  const [status] = await sent(url, {
    method: 'PUT',
    headers: { expect: expectation, 'content-length': '1' },
    body: 'x',
  });
  expect(status).toBe(200);
});
