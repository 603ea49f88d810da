import { randomBytes } from 'node:crypto';
import type { AwsCredentials } from '@runctl/aws-wire';
import { systemClock } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { crc32Of } from '../port/crc32.ts';
import { collect, readBytes } from '../port/object-body.ts';
import { StoreError } from '../port/object-store.ts';
import { S3Store, type S3StoreOptions } from './s3-store.ts';
import { errorBody, ScriptedServer } from './testing/scripted-server.ts';

const keys: AwsCredentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' };

function storeAt(server: ScriptedServer, options: Partial<S3StoreOptions> = {}): S3Store {
  return new S3Store({
    bucket: 'data',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: async () => keys,
    clock: systemClock,
    ...options,
  });
}

async function errorOf(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    () => new Error('it resolved'),
    (error: unknown) => error,
  );
  if (error instanceof StoreError) return error;
  throw error;
}

describe('the S3 store', () => {
  test('sends the body with its CRC, and its hash where there is no TLS', async () => {
    await using server = await ScriptedServer.start({});
    const bytes = randomBytes(100_000);
    await storeAt(server).put('a b', bytes, { when: { absent: true } });
    const [seen] = server.seen;
    expect(seen).toMatchObject({ method: 'PUT', url: '/data/a%20b' });
    expect(seen?.body.equals(bytes)).toBe(true);
    expect(seen?.headers).toMatchObject({
      'if-none-match': '*',
      'content-length': '100000',
      'x-amz-checksum-crc32': crc32Of(bytes),
    });
    expect(seen?.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(seen?.headers['transfer-encoding']).toBeUndefined();
  });

  test('keeps connections for the next request', async () => {
    await using server = await ScriptedServer.start({});
    const store = storeAt(server);
    for (let round = 0; round < 4; round++) await store.put('key', Buffer.from('x'));
    expect(new Set(server.seen.map((request) => request.localPort)).size).toBe(1);
  });

  test('opens no more connections than allowed', async () => {
    await using server = await ScriptedServer.start({});
    const store = storeAt(server, { maxSockets: 2 });
    await Promise.all(Array.from({ length: 9 }, () => store.put('key', randomBytes(1000))));
    expect(new Set(server.seen.map((request) => request.localPort)).size).toBeLessThanOrEqual(2);
  });

  test('signs with the time of the service when its own clock is an hour off', async () => {
    const skewed = { status: 403, body: errorBody('RequestTimeTooSkewed') };
    await using server = await ScriptedServer.start(skewed, {});
    const clock = { wallMs: () => Date.now() - 3_600_000 };
    const store = storeAt(server, { clock });
    await store.put('key', Buffer.from('x'));
    await store.put('key', Buffer.from('y'));
    expect(server.seen).toHaveLength(3);
    const [wrong, right] = server.seen.map((request) => String(request.headers['x-amz-date']));
    expect(wrong?.slice(0, 11)).not.toBe(right?.slice(0, 11));
    expect(server.seen[2]?.headers['x-amz-date']?.slice(0, 11)).toBe(right?.slice(0, 11));
  });

  test('finds a wrong clock behind a HEAD, whose refusal has no body', async () => {
    const headers = { 'last-modified': new Date().toUTCString(), 'content-length': '3' };
    await using server = await ScriptedServer.start({ status: 403 }, { headers });
    const store = storeAt(server, { clock: { wallMs: () => Date.now() + 7_200_000 } });
    expect(await store.head('key')).toMatchObject({ sizeBytes: 3, etag: 'etag' });
  });

  test('corrects its clock once only', async () => {
    await using server = await ScriptedServer.start({ status: 403, body: errorBody('RequestTimeTooSkewed') });
    expect(await errorOf(storeAt(server).put('key', Buffer.from('x')))).toMatchObject({ kind: 'credentials' });
    expect(server.seen).toHaveLength(2);
  });

  test('asks for new credentials when the service says that they expired', async () => {
    const expired = { status: 400, body: errorBody('ExpiredToken') };
    await using server = await ScriptedServer.start(expired, {});
    const asked: boolean[] = [];
    const store = storeAt(server, {
      credentials: async ({ refresh = false } = {}) => {
        asked.push(refresh);
        return { ...keys, sessionToken: refresh ? 'new' : 'old' };
      },
    });
    await store.put('key', Buffer.from('x'));
    expect(asked).toEqual([false, true]);
    expect(server.seen.map((request) => request.headers['x-amz-security-token'])).toEqual(['old', 'new']);
  });

  test('learns from a GET why a HEAD was refused', async () => {
    await using server = await ScriptedServer.start(
      { status: 403 },
      { status: 403, body: errorBody('InvalidAccessKeyId') },
    );
    expect(await errorOf(storeAt(server).head('key'))).toMatchObject({
      kind: 'credentials',
      code: 'InvalidAccessKeyId',
    });
    expect(server.seen[1]).toMatchObject({ method: 'GET', headers: { range: 'bytes=0-0' } });
  });

  test('tells a missing bucket from a missing object, and asks for the bucket only once', async () => {
    const absent = { status: 404, body: errorBody('NoSuchKey') };
    await using server = await ScriptedServer.start(absent);
    const store = storeAt(server);
    expect(await store.head('key')).toBeNull();
    expect(await store.head('key')).toBeNull();
    expect(server.seen.map((request) => request.method)).toEqual(['HEAD', 'GET', 'HEAD']);
    await using empty = await ScriptedServer.start({ status: 404, body: errorBody('NoSuchBucket') });
    expect(await errorOf(storeAt(empty).head('key'))).toMatchObject({ kind: 'bucket-missing' });
  });

  test('names the region where the bucket is', async () => {
    const headers = { 'x-amz-bucket-region': 'eu-west-1' };
    await using server = await ScriptedServer.start({ status: 301, headers, body: errorBody('PermanentRedirect') });
    const error = await errorOf(storeAt(server).get('key'));
    expect(error).toMatchObject({ kind: 'permanent', status: 301 });
    expect(error.message).toBe('the bucket data is in eu-west-1, but the request went to us-east-1');
  });

  test('sees the error inside a success of CompleteMultipartUpload', async () => {
    await using server = await ScriptedServer.start({ status: 200, body: `\n  \n${errorBody('InternalError')}` });
    const parts = [{ partNumber: 1, etag: 'e', crc32: null }];
    const completing = storeAt(server).completeMultipart({ key: 'key', uploadId: 'u' }, parts);
    expect(await errorOf(completing)).toMatchObject({ kind: 'transient', code: 'InternalError' });
    expect(server.seen[0]?.headers['x-amz-checksum-crc32']).toBeUndefined();
  });

  test('asks for the etag that the answer to CompleteMultipartUpload leaves empty', async () => {
    const body = '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>';
    const headers = { etag: '"abc-1"', 'content-length': '5', 'last-modified': new Date().toUTCString() };
    await using server = await ScriptedServer.start({ status: 200, body }, { status: 200, headers });
    const parts = [{ partNumber: 1, etag: 'e', crc32: null }];
    const upload = { key: 'key', uploadId: 'u' };
    expect(await storeAt(server).completeMultipart(upload, parts)).toEqual({ etag: 'abc-1' });
    expect(server.seen.map((request) => request.method)).toEqual(['POST', 'HEAD']);
  });

  test('gives up on a service that stays silent', async () => {
    await using server = await ScriptedServer.start(null);
    const error = await errorOf(storeAt(server, { idleTimeoutMs: 50 }).get('key'));
    expect(error).toMatchObject({ kind: 'transient', status: null });
    expect(error.message).toContain('silent for 50 ms');
  });

  test('gives up on a body that stops coming, but not on a reader that takes its time', async () => {
    const headers = { 'last-modified': new Date().toUTCString() };
    await using server = await ScriptedServer.start((response) => {
      response.writeHead(200, { ...headers, etag: '"e"', 'content-length': '400000' });
      response.write(Buffer.alloc(300_000));
    });
    const { body } = await storeAt(server, { idleTimeoutMs: 500 }).get('key');
    let received = 0;
    const reading = (async () => {
      for await (const chunk of body) {
        if (received === 0) await systemClock.sleep(700);
        received += chunk.byteLength;
      }
    })();
    const error = await errorOf(reading);
    expect(error.message).toContain('no data for 500 ms');
    expect(received).toBe(300_000);
  });

  test('takes a connection that breaks for a passing failure', async () => {
    await using server = await ScriptedServer.start((response) => response.destroy());
    expect(await errorOf(storeAt(server).get('key'))).toMatchObject({ kind: 'transient', status: null });
    const nowhere = storeAt(server, { endpoint: 'http://127.0.0.1:9' });
    expect(await errorOf(nowhere.put('key', Buffer.from('x')))).toMatchObject({
      kind: 'transient',
      code: 'ECONNREFUSED',
    });
  });

  test('takes a body that ends too early for a passing failure', async () => {
    const headers = { 'last-modified': new Date().toUTCString() };
    await using server = await ScriptedServer.start((response) => {
      response.writeHead(200, { ...headers, etag: '"e"', 'content-length': '10' });
      response.write('12345', () => response.destroy());
    });
    const { body } = await storeAt(server).get('key');
    expect(await errorOf(collect(body))).toMatchObject({ kind: 'transient' });
  });

  test('drops the connection the moment its caller aborts', async () => {
    await using server = await ScriptedServer.start(null);
    const stop = new AbortController();
    const putting = storeAt(server).put('key', randomBytes(10_000), { signal: stop.signal });
    await expect.poll(() => server.seen.length).toBe(1);
    stop.abort();
    expect(await errorOf(putting)).toMatchObject({ kind: 'aborted' });
    await expect.poll(() => server.closedSockets.length).toBe(1);
  });

  test('lists a page of a thousand quoted etags, decoding keys as S3 encodes them', async () => {
    const entry = (index: number) =>
      `<Contents><Key>a+b/%C3%A4%2B${index}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>` +
      `<ETag>&quot;e${index}&quot;</ETag><Size>${index}</Size></Contents>`;
    const page = (more: string, from: number) =>
      `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${more}` +
      `${Array.from({ length: 1000 }, (_, index) => entry(from + index)).join('')}</ListBucketResult>`;
    const truncated = '<IsTruncated>true</IsTruncated><NextContinuationToken>to+ken=</NextContinuationToken>';
    await using server = await ScriptedServer.start(
      { body: page(truncated, 0) },
      { body: page('<IsTruncated>false</IsTruncated>', 1000) },
    );
    const found = [];
    for await (const info of storeAt(server).list({ prefix: 'a b/' })) found.push(info);
    expect(found).toHaveLength(2000);
    expect(found[1999]).toEqual({
      key: 'a b/ä+1999',
      sizeBytes: 1999,
      etag: 'e1999',
      lastModifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    });
    expect(server.seen[1]?.url).toContain('continuation-token=to%2Bken%3D');
  });

  test('does not take a whole object for the range that it asked for', async () => {
    const headers = { 'last-modified': new Date().toUTCString() };
    await using server = await ScriptedServer.start({ headers, body: 'whole' });
    const error = await errorOf(storeAt(server).get('key', { range: { start: 1, end: 2 } }));
    expect(error).toMatchObject({ kind: 'permanent' });
  });

  test('reads a body through', async () => {
    const body = randomBytes(1_000_000);
    const headers = { 'last-modified': new Date().toUTCString(), 'content-length': String(body.byteLength) };
    await using server = await ScriptedServer.start({ headers, body });
    expect(Buffer.compare(await readBytes(storeAt(server), 'key'), body)).toBe(0);
  });
});
