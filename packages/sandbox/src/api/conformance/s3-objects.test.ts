import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import * as S3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksumBytes, createDigest } from '../../model/s3/checksums.ts';
import { failureOf, S3Server } from './s3-server.ts';

const Bucket = 'objects';
const MIB = 1 << 20;
let server: S3Server;
let client: S3.S3Client;

beforeAll(async () => {
  server = await S3Server.start();
  client = server.client();
  await client.send(new S3.CreateBucketCommand({ Bucket }));
});
afterAll(() => server.close());

const put = (Key: string, Body: string | Buffer, more: Partial<S3.PutObjectCommandInput> = {}) =>
  client.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = async (Key: string, more: Partial<S3.GetObjectCommandInput> = {}) => {
  const answer = await client.send(new S3.GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, bytes: Buffer.from(await answer.Body!.transformToByteArray()) };
};
const keysOf = (page: { Contents?: S3._Object[] | undefined }) => (page.Contents ?? []).map(({ Key }) => Key);

describe('keys', () => {
  const strange = [
    'plus+and space & amp',
    'ünï/cödé/日本語/🚀',
    '../../etc/passwd',
    './dot',
    'a//b',
    'folder/',
    'folder',
    'folder/x',
    'percent%20literal',
    'quote"<>\'`',
    'x'.repeat(1024),
    'tab\tand\nnewline',
  ];

  it('keeps every legal key apart, with its own bytes', async () => {
    for (const key of strange) await put(`k/${key}`.slice(0, 1024), key);
    for (const key of strange) expect((await get(`k/${key}`.slice(0, 1024))).bytes.toString()).toBe(key);
    const page = await client.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'k/', EncodingType: 'url' }));
    const listed = keysOf(page).map((key) => decodeURIComponent(key!.replaceAll('+', ' ')));
    expect(listed).toEqual(
      strange.map((key) => `k/${key}`.slice(0, 1024)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it('deletes every legal key by its name in a batch', async () => {
    const keys = [...strange, 'literal &lt; &#10; entity', ' spaced '].map((key) => `k/${key}`.slice(0, 1024));
    for (const key of keys) await put(key, key);
    const Objects = keys.map((Key) => ({ Key }));
    await client.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect((await client.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'k/' }))).KeyCount).toBe(0);
  });

  it('refuses a key of more than 1024 bytes', async () => {
    expect(await failureOf(put('é'.repeat(513), 'x'))).toEqual({ name: 'KeyTooLongError', status: 400 });
  });

  it('takes the bucket from the host name too', async () => {
    const url = new URL(await getSignedUrl(client, new S3.ListObjectsV2Command({ Bucket })));
    const virtual = new S3.S3Client({
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'user-secret' },
    });
    const signed = new URL(await getSignedUrl(virtual, new S3.GetObjectCommand({ Bucket, Key: 'host/key' })));
    expect(signed.host).toBe(`${Bucket}.s3.us-east-1.amazonaws.com`);
    await put('host/key', 'by host');
    const request = httpRequest({
      port: url.port,
      host: '127.0.0.1',
      path: signed.pathname + signed.search,
      headers: { host: signed.host },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    expect([response.statusCode, Buffer.concat(chunks).toString()]).toEqual([200, 'by host']);
  });
});

describe('reads', () => {
  it('answers HEAD of a range like GET of it, without the body', async () => {
    await put('range', '0123456789');
    const head = await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'range', Range: 'bytes=2-4' }));
    expect(head).toMatchObject({ ContentLength: 3, ContentRange: 'bytes 2-4/10' });
    expect(await failureOf(get('range', { Range: 'bytes=10-' }))).toMatchObject({ status: 416 });
    expect((await get('range', { Range: 'bytes=8-99' })).bytes.toString()).toBe('89');
    expect((await get('range', { Range: 'bytes=-99' })).bytes.toString()).toBe('0123456789');
  });

  it('leaves the checksum out of a range, which it does not describe', async () => {
    await put('range', '0123456789');
    const part = await get('range', { Range: 'bytes=0-1', ChecksumMode: 'ENABLED' });
    expect(part.ChecksumCRC32).toBeUndefined();
  });

  it('judges dates at second precision', async () => {
    await put('dated', 'x');
    const { LastModified } = await get('dated');
    expect(LastModified!.getTime() % 1000).toBe(0);
    expect(await failureOf(get('dated', { IfModifiedSince: LastModified }))).toMatchObject({ status: 304 });
    expect((await get('dated', { IfUnmodifiedSince: LastModified })).bytes.toString()).toBe('x');
    const before = new Date(LastModified!.getTime() - 1000);
    expect(await failureOf(get('dated', { IfUnmodifiedSince: before }))).toMatchObject({ status: 412 });
    expect((await get('dated', { IfModifiedSince: before })).bytes.toString()).toBe('x');
  });

  it('tells the time of the region in every answer, failures too', async () => {
    const url = `${server.endpoint}/${Bucket}/anything`;
    const before = Date.parse((await fetch(url)).headers.get('date')!);
    server.clock.advance(5_000);
    const after = Date.parse((await fetch(url)).headers.get('date')!);
    server.clock.advance(-5_000);
    expect(after - before).toBeGreaterThanOrEqual(5_000);
  });

  it('finishes a download of an object that is replaced meanwhile with the old bytes', async () => {
    const old = randomBytes(8 * MIB);
    await put('replaced', old);
    const answer = await client.send(new S3.GetObjectCommand({ Bucket, Key: 'replaced' }));
    await put('replaced', 'new');
    expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(old)).toBe(true);
    expect((await get('replaced')).bytes.toString()).toBe('new');
  });
});

describe('what a GET may ask for', () => {
  it('lets a link choose the headers of its answer', async () => {
    await put('override', 'x');
    const command = {
      Bucket,
      Key: 'override',
      ResponseContentType: 'text/plain',
      ResponseContentDisposition: 'a="ü日"',
    };
    const answer = await fetch(await getSignedUrl(client, new S3.GetObjectCommand(command)));
    expect(answer.headers.get('content-type')).toBe('text/plain');
    expect(answer.headers.get('content-disposition')).toBe('=?UTF-8?B?YT0iw7zml6Ui?=');
  });

  it('describes size, checksum and storage class on demand', async () => {
    await put('attributes', 'hello');
    const ObjectAttributes = ['ETag', 'Checksum', 'ObjectSize', 'StorageClass', 'ObjectParts'] as const;
    const attributes = await client.send(
      new S3.GetObjectAttributesCommand({ Bucket, Key: 'attributes', ObjectAttributes: [...ObjectAttributes] }),
    );
    expect(attributes).toMatchObject({
      ETag: '5d41402abc4b2a76b9719d911017c592',
      Checksum: { ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' },
      ObjectSize: 5,
      StorageClass: 'STANDARD',
    });
  });
});

describe('integrity', () => {
  it('refuses a wrong Content-MD5', async () => {
    const ContentMD5 = createHash('md5').update('other').digest('base64');
    expect(await failureOf(put('md5', 'body', { ContentMD5 }))).toEqual({ name: 'BadDigest', status: 400 });
    const right = createHash('md5').update('body').digest('base64');
    await put('md5', 'body', { ContentMD5: right });
  });

  it('gives an object without any checksum a CRC64NVME', async () => {
    const plain = server.client({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const answer = await plain.send(new S3.PutObjectCommand({ Bucket, Key: 'plain', Body: 'xyz' }));
    expect(answer).toMatchObject({ ChecksumCRC64NVME: 'dHZuSD8gJmw=', ChecksumType: 'FULL_OBJECT' });
    expect(await get('plain', { ChecksumMode: 'ENABLED' })).toMatchObject({ ChecksumCRC64NVME: 'dHZuSD8gJmw=' });
  });

  it('refuses a body that is not what its sha256 says', async () => {
    const tampering = server.client();
    tampering.middlewareStack.add(
      (next) => (args) => {
        (args.request as { body: string }).body = 'evil';
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    const attempt = tampering.send(
      new S3.PutObjectCommand({ Bucket, Key: 'tampered', Body: 'good', ChecksumCRC32: 'c7T2SQ==' }),
    );
    expect(await failureOf(attempt)).toEqual({ name: 'XAmzContentSHA256Mismatch', status: 400 });
    expect(await failureOf(get('tampered'))).toMatchObject({ status: 404 });
  });

  it('stores nothing of an upload whose connection breaks', async () => {
    const url = new URL(await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'broken' })));
    const request = httpRequest(url, { method: 'PUT', headers: { 'content-length': 1000 } });
    request.on('error', () => undefined);
    request.write('half');
    await once(request, 'socket');
    await new Promise((resolve) => setImmediate(resolve));
    request.destroy();
    expect(await failureOf(get('broken'))).toMatchObject({ status: 404 });
  });

  it('honours If-Range: a range of another object than the known one is the whole', async () => {
    const { ETag } = await put('if-range', '0123456789');
    const url = await getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: 'if-range' }));
    const ask = async (known: string) =>
      (await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': known } })).text();
    expect([await ask(ETag!), await ask('"other"')]).toEqual(['01', '0123456789']);
  });

  it('waits with its 100-continue for nobody: a body sent after it arrives whole', async () => {
    const url = new URL(await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'continued' })));
    const headers = { 'content-length': 5, expect: '100-continue' };
    const request = httpRequest(url, { method: 'PUT', headers });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('later');
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect((await get('continued')).bytes.toString()).toBe('later');
  });
});

describe('multipart uploads', () => {
  const begin = async (Key: string, more: Partial<S3.CreateMultipartUploadCommandInput> = {}) =>
    (await client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId!;
  const complete = (Key: string, UploadId: string, Parts: S3.CompletedPart[], more = {}) =>
    client.send(new S3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }));
  const crcOf = (bytes: Buffer) => {
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(bytes));
    return crc;
  };

  it('puts a FULL_OBJECT checksum together from its parts', async () => {
    const pieces = [randomBytes(5 * MIB), randomBytes(6 * MIB), randomBytes(77)];
    const UploadId = await begin('full', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const parts = await Promise.all(
      pieces.map(async (Body, index) => {
        const part = { Bucket, Key: 'full', UploadId, PartNumber: index + 1, Body };
        const { ETag, ChecksumCRC32 } = await client.send(new S3.UploadPartCommand(part));
        expect(ChecksumCRC32).toBe(crcOf(Body).toString('base64'));
        return { PartNumber: index + 1, ETag, ChecksumCRC32 };
      }),
    );
    const whole = Buffer.concat(pieces);
    const wrong = complete('full', UploadId, parts, { ChecksumCRC32: 'AAAAAA==' });
    expect(await failureOf(wrong)).toEqual({ name: 'BadDigest', status: 400 });
    const sized = complete('full', UploadId, parts, { MpuObjectSize: 5 });
    expect(await failureOf(sized)).toEqual({ name: 'InvalidRequest', status: 400 });
    const done = await complete('full', UploadId, parts, { MpuObjectSize: whole.length });
    expect(done).toMatchObject({ ChecksumCRC32: crcOf(whole).toString('base64'), ChecksumType: 'FULL_OBJECT' });
    expect((await get('full', { ChecksumMode: 'ENABLED' })).bytes.equals(whole)).toBe(true);
    const second = await get('full', { PartNumber: 2 });
    expect([second.PartsCount, second.bytes.equals(pieces[1]!)]).toEqual([3, true]);
    const across = { Range: `bytes=${5 * MIB - 3}-${5 * MIB + 2}` };
    expect((await get('full', across)).bytes.equals(whole.subarray(5 * MIB - 3, 5 * MIB + 3))).toBe(true);
  });

  it('makes a COMPOSITE checksum of the parts and wants theirs listed', async () => {
    const pieces = [randomBytes(5 * MIB), randomBytes(10)];
    const UploadId = await begin('composite', { ChecksumAlgorithm: 'CRC32' });
    const parts: S3.CompletedPart[] = [];
    for (const [index, Body] of pieces.entries()) {
      const part = { Bucket, Key: 'composite', UploadId, PartNumber: index + 1, Body };
      const { ETag, ChecksumCRC32 } = await client.send(new S3.UploadPartCommand(part));
      parts.push({ PartNumber: index + 1, ETag, ChecksumCRC32 });
    }
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    expect(await failureOf(complete('composite', UploadId, bare))).toEqual({ name: 'InvalidRequest', status: 400 });
    const done = await complete('composite', UploadId, parts);
    const expected = crcOf(Buffer.concat(pieces.map(crcOf))).toString('base64');
    expect(done).toMatchObject({ ChecksumCRC32: `${expected}-2`, ChecksumType: 'COMPOSITE' });
  });

  it.each([
    ['CRC32', 'FULL_OBJECT'],
    ['CRC32C', 'FULL_OBJECT'],
    ['CRC64NVME', 'FULL_OBJECT'],
    ['CRC32', 'COMPOSITE'],
    ['CRC32C', 'COMPOSITE'],
    ['SHA1', 'COMPOSITE'],
    ['SHA256', 'COMPOSITE'],
  ] as const)('holds a completed upload against the %s %s checksum that is declared', async (algorithm, type) => {
    const named = `Checksum${algorithm}` as const;
    const Key = `declared-${algorithm}-${type}`;
    const pieces = [randomBytes(5 * MIB), randomBytes(10)];
    const UploadId = await begin(Key, { ChecksumAlgorithm: algorithm, ChecksumType: type });
    const parts: S3.CompletedPart[] = [];
    for (const [index, Body] of pieces.entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: algorithm };
      const { ETag, [named]: sum } = await client.send(new S3.UploadPartCommand(part));
      parts.push({ PartNumber: index + 1, ETag, [named]: sum });
    }
    const sum = createDigest(algorithm);
    for (const [index, piece] of pieces.entries())
      sum.update(type === 'FULL_OBJECT' ? piece : Buffer.from(parts[index]![named]!, 'base64'));
    const plain = sum.digest().toString('base64');
    const declared = type === 'COMPOSITE' ? `${plain}-2` : plain;
    const finish = async (more: object) => (await failureOf(complete(Key, UploadId, parts, more))).name;
    const wrong = Buffer.alloc(checksumBytes[algorithm], 7).toString('base64');
    expect(await finish({ [named]: wrong })).toBe('BadDigest');
    expect(await finish({ [named]: type === 'COMPOSITE' ? `${plain}-3` : wrong })).toBe('BadDigest');
    expect(await finish({ [named]: 'bAd' })).toBe('InvalidRequest');
    const other = algorithm === 'SHA1' ? 'ChecksumCRC32' : 'ChecksumSHA1';
    expect(await finish({ [other]: Buffer.alloc(other === 'ChecksumSHA1' ? 20 : 4).toString('base64') })).toBe(
      'InvalidRequest',
    );
    const done = await complete(Key, UploadId, parts, { [named]: declared });
    expect(done).toMatchObject({ [named]: declared, ChecksumType: type });
  });

  it('refuses a part whose checksum is of another algorithm than the upload named', async () => {
    const UploadId = await begin('mismatch', { ChecksumAlgorithm: 'SHA256' });
    const part = { Bucket, Key: 'mismatch', UploadId, PartNumber: 1, Body: 'x' };
    const attempt = client.send(new S3.UploadPartCommand({ ...part, ChecksumAlgorithm: 'CRC32' }));
    expect(await failureOf(attempt)).toEqual({ name: 'InvalidRequest', status: 400 });
  });

  it('refuses unknown, wrong, unordered and absent parts', async () => {
    const UploadId = await begin('parts');
    const upload = async (PartNumber: number) => {
      const part = { Bucket, Key: 'parts', UploadId, PartNumber, Body: Buffer.alloc(5 * MIB, PartNumber) };
      return { PartNumber, ETag: (await client.send(new S3.UploadPartCommand(part))).ETag! };
    };
    const [one, two] = [await upload(1), await upload(2)];
    const failing = async (parts: S3.CompletedPart[]) => (await failureOf(complete('parts', UploadId, parts))).name;
    expect(await failing([two, one])).toBe('InvalidPartOrder');
    expect(await failing([one, { ...two, PartNumber: 3 }])).toBe('InvalidPart');
    expect(await failing([one, { ...two, ETag: one.ETag }])).toBe('InvalidPart');
    expect(await failing([])).toBe('MalformedXML');
    expect(await failureOf(upload(10_001))).toEqual({ name: 'InvalidArgument', status: 400 });
    expect(await failureOf(upload(0))).toEqual({ name: 'InvalidArgument', status: 400 });
    await complete('parts', UploadId, [one]);
    expect((await get('parts')).ContentLength).toBe(5 * MIB);
    expect(await failureOf(complete('parts', UploadId, [one]))).toEqual({ name: 'NoSuchUpload', status: 404 });
  });

  it('dates the object by the start of its upload', async () => {
    const UploadId = await begin('started');
    const started = server.clock.nowMs();
    server.clock.advance(60_000);
    const part = { Bucket, Key: 'started', UploadId, PartNumber: 1, Body: 'x' };
    const { ETag } = await client.send(new S3.UploadPartCommand(part));
    await complete('started', UploadId, [{ PartNumber: 1, ETag }]);
    const { LastModified } = await get('started');
    server.clock.advance(-60_000);
    expect(Math.abs(LastModified!.getTime() - started)).toBeLessThan(10_000);
  });

  it('copies whole objects and ranges of them into parts', async () => {
    const source = randomBytes(11 * MIB);
    await put('source', source);
    const UploadId = await begin('assembled', { ChecksumAlgorithm: 'CRC32' });
    const copy = async (PartNumber: number, CopySourceRange?: string) => {
      const part = { Bucket, Key: 'assembled', UploadId, PartNumber, CopySource: `${Bucket}/source`, CopySourceRange };
      const { CopyPartResult } = await client.send(new S3.UploadPartCopyCommand(part));
      return { PartNumber, ETag: CopyPartResult!.ETag, ChecksumCRC32: CopyPartResult!.ChecksumCRC32 };
    };
    const parts = [await copy(1), await copy(2, `bytes=${3 * MIB}-${8 * MIB - 1}`), await copy(3, 'bytes=0-9')];
    expect(parts[0]!.ETag).toBe(`"${createHash('md5').update(source).digest('hex')}"`);
    expect(await failureOf(copy(4, 'bytes=0-99999999'))).toEqual({ name: 'InvalidArgument', status: 400 });
    await complete('assembled', UploadId, parts);
    const expected = Buffer.concat([source, source.subarray(3 * MIB, 8 * MIB), source.subarray(0, 10)]);
    expect((await get('assembled')).bytes.equals(expected)).toBe(true);
  });

  it('gives the copy of a multipart object the sums of one object', async () => {
    const UploadId = await begin('many-parts', { ChecksumAlgorithm: 'CRC32' });
    const body = randomBytes(100);
    const part = { Bucket, Key: 'many-parts', UploadId, PartNumber: 1, Body: body };
    const { ETag, ChecksumCRC32 } = await client.send(new S3.UploadPartCommand(part));
    await complete('many-parts', UploadId, [{ PartNumber: 1, ETag, ChecksumCRC32 }]);
    const copied = await client.send(
      new S3.CopyObjectCommand({ Bucket, Key: 'one-part', CopySource: `${Bucket}/many-parts` }),
    );
    expect(copied.CopyObjectResult).toMatchObject({
      ETag: `"${createHash('md5').update(body).digest('hex')}"`,
      ChecksumCRC32: crcOf(body).toString('base64'),
      ChecksumType: 'FULL_OBJECT',
    });
  });
});

describe('conditional writes', () => {
  it('holds for copies', async () => {
    await put('from', 'x');
    await put('to', 'y');
    const copy = (more: Partial<S3.CopyObjectCommandInput>) =>
      client.send(new S3.CopyObjectCommand({ Bucket, Key: 'to', CopySource: `${Bucket}/from`, ...more }));
    expect(await failureOf(copy({ IfNoneMatch: '*' }))).toMatchObject({ status: 412 });
    expect(await failureOf(copy({ IfMatch: '"0123456789abcdef0123456789abcdef"' }))).toMatchObject({ status: 412 });
    expect(await failureOf(copy({ CopySourceIfMatch: '"nope"' }))).toMatchObject({ status: 412 });
    await copy({ IfMatch: `"${createHash('md5').update('y').digest('hex')}"` });
    expect((await get('to')).bytes.toString()).toBe('x');
  });

  it('lets one of many racing replacements with the same If-Match win', async () => {
    const { ETag } = await put('lease', '0');
    const attempts = Array.from({ length: 20 }, (_, n) => put('lease', `holder ${n}`, { IfMatch: ETag! }));
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('answers 409 to a creation when the key was deleted while its body came in', async () => {
    const url = new URL(
      await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'conflict', IfNoneMatch: '*' }), {
        unhoistableHeaders: new Set(['if-none-match']),
        signableHeaders: new Set(['host', 'if-none-match']),
      }),
    );
    const headers = { 'content-length': 4, 'if-none-match': '*', expect: '100-continue' };
    const request = httpRequest(url, { method: 'PUT', headers });
    request.flushHeaders();
    await once(request, 'continue');
    await put('conflict', 'other');
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'conflict' }));
    request.end('mine');
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(409);
    expect(await failureOf(get('conflict'))).toMatchObject({ status: 404 });
  });
});
