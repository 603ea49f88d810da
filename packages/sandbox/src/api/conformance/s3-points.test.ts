import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import * as S3 from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, S3Server, user } from './s3-server.ts';

/** The forty points that no existing S3 server passes, asked by the SDK with its default settings. */
describe('forty points, asked by @aws-sdk/client-s3 with its default settings', () => {
  const Bucket = 'points';
  const KEY = 'a/b c+é.txt';
  const WRONG_ETAG = '"0123456789abcdef0123456789abcdef"';
  let server: S3Server;
  let client: S3.S3Client;

  beforeAll(async () => {
    server = await S3Server.start();
    client = server.client();
    await client.send(new S3.CreateBucketCommand({ Bucket }));
    await put(KEY, 'hello');
    await put('lock', '1');
    await put('m', 'm', { Metadata: { 'run-id': 'r1' } });
  });
  afterAll(() => server.close());

  const put = (Key: string, Body: string, more: Partial<S3.PutObjectCommandInput> = {}) =>
    client.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));
  const bytesOf = async (Key: string, more: Partial<S3.GetObjectCommandInput> = {}) => {
    const answer = await client.send(new S3.GetObjectCommand({ Bucket, Key, ...more }));
    return { answer, bytes: Buffer.from(await answer.Body!.transformToByteArray()) };
  };
  const etagOf = async (Key: string) => (await client.send(new S3.HeadObjectCommand({ Bucket, Key }))).ETag!;

  it('1 creates a bucket', async () => {
    const answer = await client.send(new S3.CreateBucketCommand({ Bucket: 'points-new' }));
    expect(answer.$metadata.httpStatusCode).toBe(200);
    await client.send(new S3.HeadBucketCommand({ Bucket: 'points-new' }));
  });

  it('2 lets the owner create a bucket again in us-east-1', async () => {
    const answer = await client.send(new S3.CreateBucketCommand({ Bucket }));
    expect(answer.$metadata.httpStatusCode).toBe(200);
  });

  it('3 verifies and echoes the default CRC32 of a PUT', async () => {
    const answer = await put('three', 'hello');
    expect(answer).toMatchObject({
      ETag: '"5d41402abc4b2a76b9719d911017c592"',
      ChecksumCRC32: 'NhCmhg==',
      ChecksumType: 'FULL_OBJECT',
    });
  });

  it('4 gives the object back with its checksum', async () => {
    const { answer, bytes } = await bytesOf(KEY, { ChecksumMode: 'ENABLED' });
    expect(bytes.toString()).toBe('hello');
    expect(answer.ChecksumCRC32).toBe('NhCmhg==');
  });

  it('5 stores a streamed body without its aws-chunked frames', async () => {
    const body = randomBytes(300_000);
    const Body = Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]);
    await client.send(new S3.PutObjectCommand({ Bucket, Key: 'stream', Body, ContentLength: body.length }));
    const { answer, bytes } = await bytesOf('stream');
    expect(bytes.equals(body)).toBe(true);
    expect(answer.ContentEncoding).toBeUndefined();
  });

  it.each([
    [6, 'CRC32C', 'JSNohQ=='],
    [7, 'SHA256', 'Ngi8oeROpsTSaOttsCJgJpiSwLQrhrvx53pvoWw8koI='],
    [8, 'CRC64NVME', 'dHZuSD8gJmw='],
  ] as const)('%i verifies and echoes %s', async (_point, ChecksumAlgorithm, value) => {
    const answer = await put(`sum-${ChecksumAlgorithm}`, 'xyz', { ChecksumAlgorithm });
    expect(answer[`Checksum${ChecksumAlgorithm}`]).toBe(value);
  });

  it('9 refuses a wrong sha256', async () => {
    const ChecksumSHA256 = createHash('sha256').update('no').digest('base64');
    expect(await failureOf(put('bad', 'xyz', { ChecksumSHA256 }))).toEqual({ name: 'BadDigest', status: 400 });
    expect(await failureOf(bytesOf('bad'))).toMatchObject({ status: 404 });
  });

  it('10 round-trips metadata and content headers', async () => {
    const Metadata = { 'run-id': 'r1' };
    await put('ten', 'm', { Metadata, ContentType: 'application/x-foo', CacheControl: 'no-cache' });
    const head = await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'ten' }));
    expect(head).toMatchObject({
      Metadata,
      ContentType: 'application/x-foo',
      CacheControl: 'no-cache',
      ContentLength: 1,
    });
  });

  it('11 answers 404 to HEAD of a missing key', async () => {
    expect(await failureOf(client.send(new S3.HeadObjectCommand({ Bucket, Key: 'nope' })))).toEqual({
      name: 'NotFound',
      status: 404,
    });
  });

  it('12 answers NoSuchKey to GET of a missing key', async () => {
    expect(await failureOf(bytesOf('nope'))).toEqual({ name: 'NoSuchKey', status: 404 });
  });

  it('13 serves a range', async () => {
    const { answer, bytes } = await bytesOf(KEY, { Range: 'bytes=1-3' });
    expect(bytes.toString()).toBe('ell');
    expect(answer.ContentRange).toBe('bytes 1-3/5');
  });

  it('14 serves a suffix range', async () => {
    expect((await bytesOf(KEY, { Range: 'bytes=-2' })).bytes.toString()).toBe('lo');
  });

  it('15 answers 416 to a range past the end', async () => {
    expect(await failureOf(bytesOf(KEY, { Range: 'bytes=99-' }))).toEqual({ name: 'InvalidRange', status: 416 });
  });

  it('16 creates a new key with If-None-Match: *', async () => {
    await put('sixteen', '1', { IfNoneMatch: '*' });
    expect((await bytesOf('sixteen')).bytes.toString()).toBe('1');
  });

  it('17 answers 412 to If-None-Match: * on an existing key', async () => {
    expect(await failureOf(put('lock', '2', { IfNoneMatch: '*' }))).toEqual({
      name: 'PreconditionFailed',
      status: 412,
    });
  });

  it('18 replaces with If-Match of the right ETag, quoted', async () => {
    await put('eighteen', '1');
    await put('eighteen', '3', { IfMatch: await etagOf('eighteen') });
    expect((await bytesOf('eighteen')).bytes.toString()).toBe('3');
  });

  it('19 answers 412 to If-Match of a wrong ETag', async () => {
    expect(await failureOf(put('lock', '4', { IfMatch: WRONG_ETAG }))).toMatchObject({ status: 412 });
  });

  it('20 answers 404 to If-Match on a missing key', async () => {
    expect(await failureOf(put('nolock', '4', { IfMatch: WRONG_ETAG }))).toEqual({ name: 'NoSuchKey', status: 404 });
  });

  it('21 lets exactly one of twenty racing creators win', async () => {
    const attempts = Array.from({ length: 20 }, (_, n) => put('race', `w${n}`, { IfNoneMatch: '*' }));
    const results = await Promise.allSettled(attempts);
    const winners = results.flatMap(({ status }, n) => (status === 'fulfilled' ? n : []));
    expect(winners).toHaveLength(1);
    expect((await bytesOf('race')).bytes.toString()).toBe(`w${winners[0]}`);
  });

  it('22 answers 304 to GET with If-None-Match of the current ETag', async () => {
    expect(await failureOf(bytesOf('m', { IfNoneMatch: await etagOf('m') }))).toMatchObject({ status: 304 });
  });

  it('23 answers 412 to DELETE with If-Match of a wrong ETag', async () => {
    const deletion = client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'm', IfMatch: WRONG_ETAG }));
    expect(await failureOf(deletion)).toMatchObject({ status: 412 });
    expect((await bytesOf('m')).bytes.toString()).toBe('m');
  });

  it('24 copies an object with its metadata', async () => {
    const CopySource = `${Bucket}/${encodeURIComponent('m')}`;
    await client.send(new S3.CopyObjectCommand({ Bucket, Key: 'copy', CopySource }));
    const { answer, bytes } = await bytesOf('copy');
    expect(bytes.toString()).toBe('m');
    expect(answer.Metadata).toEqual({ 'run-id': 'r1' });
  });

  it('25 replaces the metadata of an object by copying it onto itself', async () => {
    await put('self', 'm', { Metadata: { 'run-id': 'r1' } });
    const CopySource = `${Bucket}/self`;
    const replace = { MetadataDirective: 'REPLACE', Metadata: { z: '1' } } as const;
    await client.send(new S3.CopyObjectCommand({ Bucket, Key: 'self', CopySource, ...replace }));
    const head = await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'self' }));
    expect(head.Metadata).toEqual({ z: '1' });
  });

  it('26 lists by pages, prefix, delimiter and start-after', async () => {
    for (let n = 0; n < 7; n++) await put(`p/${n}/x`, '1');
    const list = (more: Partial<S3.ListObjectsV2CommandInput>) =>
      client.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'p/', ...more }));
    const pages: string[][] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await list({ MaxKeys: 3, ...(ContinuationToken && { ContinuationToken }) });
      pages.push((page.Contents ?? []).map(({ Key }) => Key!));
      expect(page.KeyCount).toBe(pages.at(-1)!.length);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.flat()).toEqual(Array.from({ length: 7 }, (_, n) => `p/${n}/x`));
    const rolled = await list({ Delimiter: '/' });
    expect(rolled.CommonPrefixes).toHaveLength(7);
    expect(rolled.Contents).toBeUndefined();
    expect((await list({ StartAfter: 'p/4/x' })).Contents!.map(({ Key }) => Key)).toEqual(['p/5/x', 'p/6/x']);
  });

  it('27 takes a multipart upload of lib-storage from a stream', async () => {
    const body = randomBytes(12 << 20);
    const upload = new Upload({
      client,
      params: { Bucket, Key: 'mp', Body: Readable.from([body]) },
      partSize: 5 << 20,
    });
    const answer = await upload.done();
    expect(answer).toMatchObject({ ChecksumType: 'COMPOSITE' });
    expect(answer.ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    expect(answer.ChecksumCRC32).toMatch(/^[A-Za-z0-9+/]{6}==-3$/);
    expect((await bytesOf('mp')).bytes.equals(body)).toBe(true);
  });

  const begin = async (Key: string) =>
    (await client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key }))).UploadId!;
  const part = async (Key: string, UploadId: string, PartNumber: number, Body: string | Buffer) => {
    const answer = await client.send(new S3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    return { PartNumber, ETag: answer.ETag! };
  };

  it('28 lists parts and uploads, and aborts', async () => {
    const Key = 'mp2';
    const UploadId = await begin(Key);
    await part(Key, UploadId, 1, Buffer.alloc(5 << 20));
    const parts = await client.send(new S3.ListPartsCommand({ Bucket, Key, UploadId }));
    expect(parts.Parts).toMatchObject([{ PartNumber: 1, Size: 5 << 20 }]);
    const uploads = () => client.send(new S3.ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
    expect((await uploads()).Uploads).toMatchObject([{ Key, UploadId }]);
    await client.send(new S3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    expect((await uploads()).Uploads).toBeUndefined();
    expect(await failureOf(part(Key, UploadId, 2, 'x'))).toEqual({ name: 'NoSuchUpload', status: 404 });
  });

  it('29 refuses parts below 5 MiB but the last with EntityTooSmall', async () => {
    const Key = 'mp3';
    const UploadId = await begin(Key);
    const Parts = [await part(Key, UploadId, 1, 'tiny'), await part(Key, UploadId, 2, 'tiny')];
    const complete = new S3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
    expect(await failureOf(client.send(complete))).toEqual({ name: 'EntityTooSmall', status: 400 });
  });

  it('30 answers 412 to CompleteMultipartUpload with If-None-Match: * on an existing key', async () => {
    const Key = 'lock';
    const UploadId = await begin(Key);
    const MultipartUpload = { Parts: [await part(Key, UploadId, 1, 'tiny')] };
    const complete = { Bucket, Key, UploadId, MultipartUpload, IfNoneMatch: '*' };
    expect(await failureOf(client.send(new S3.CompleteMultipartUploadCommand(complete)))).toMatchObject({
      status: 412,
    });
    expect((await bytesOf('lock')).bytes.toString()).toBe('1');
  });

  it('31 deletes many keys at once, missing ones too', async () => {
    await put('many/1', '1');
    await put('many/2', '2');
    const Delete = { Objects: [{ Key: 'many/1' }, { Key: 'many/2' }, { Key: 'missing' }] };
    const answer = await client.send(new S3.DeleteObjectsCommand({ Bucket, Delete }));
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(['many/1', 'many/2', 'missing']);
    expect(answer.Errors).toBeUndefined();
    expect((await client.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'many/' }))).KeyCount).toBe(0);
  });

  it('32 keeps tags', async () => {
    const TagSet = [{ Key: 'a', Value: 'b' }];
    await client.send(new S3.PutObjectTaggingCommand({ Bucket, Key: 'm', Tagging: { TagSet } }));
    expect((await client.send(new S3.GetObjectTaggingCommand({ Bucket, Key: 'm' }))).TagSet).toEqual(TagSet);
  });

  it('33 gives every version an id of its own once versioning is on', async () => {
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new S3.PutBucketVersioningCommand({ Bucket: 'points-new', VersioningConfiguration }));
    const write = (Body: string) => client.send(new S3.PutObjectCommand({ Bucket: 'points-new', Key: 'v', Body }));
    const [first, second] = [await write('1'), await write('2')];
    expect(first.VersionId).toBeTruthy();
    expect(second.VersionId).not.toBe(first.VersionId);
  });

  it('34 keeps the lifecycle configuration', async () => {
    const Rules: S3.LifecycleRule[] = [
      { ID: 'x', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 1 } },
    ];
    const configuration = { Bucket, LifecycleConfiguration: { Rules } };
    await client.send(new S3.PutBucketLifecycleConfigurationCommand(configuration));
    expect((await client.send(new S3.GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules).toEqual(Rules);
  });

  const presignGet = (expiresIn: number) =>
    getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: 'm' }), { expiresIn });

  it('35 serves a presigned GET', async () => {
    const answer = await fetch(await presignGet(60));
    expect([answer.status, await answer.text()]).toEqual([200, 'm']);
  });

  it('36 takes a presigned PUT', async () => {
    const url = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'pre' }), { expiresIn: 60 });
    expect((await fetch(url, { method: 'PUT', body: 'pp' })).status).toBe(200);
    expect((await bytesOf('pre')).bytes.toString()).toBe('pp');
  });

  it('37 refuses a presigned URL that was changed', async () => {
    const url = await presignGet(60);
    expect((await fetch(url.replace('/m?', '/lock?'))).status).toBe(403);
    expect((await fetch(`${url}&response-content-type=text%2Fhtml`)).status).toBe(403);
  });

  it('38 refuses a presigned URL that has expired', async () => {
    const url = await presignGet(1);
    server.clock.advance(2100);
    const answer = await fetch(url);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>AccessDenied</Code><Message>Request has expired</Message>');
  });

  it('39 refuses a wrong secret', async () => {
    const stranger = server.client({ credentials: { ...user, secretAccessKey: 'wrong' } });
    const attempt = stranger.send(new S3.PutObjectCommand({ Bucket, Key: 'w', Body: 'x' }));
    expect(await failureOf(attempt)).toEqual({ name: 'SignatureDoesNotMatch', status: 403 });
  });

  it('40 refuses an unsigned GET', async () => {
    const answer = await fetch(`${server.endpoint}/${Bucket}/m`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>AccessDenied</Code>');
  });
});
