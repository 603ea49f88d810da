import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as S3 from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf, S3Server } from './s3-server.ts';

const Bucket = 'buckets';
let server: S3Server;
let client: S3.S3Client;

beforeEach(async () => {
  server = await S3Server.start();
  client = server.client();
  await client.send(new S3.CreateBucketCommand({ Bucket }));
});
afterEach(() => server.close());

const put = (Key: string, Body: string | Buffer, more: Partial<S3.PutObjectCommandInput> = {}) =>
  client.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));
const textOf = async (Key: string, more: Partial<S3.GetObjectCommandInput> = {}) =>
  (await client.send(new S3.GetObjectCommand({ Bucket, Key, ...more }))).Body!.transformToString();
const enableVersioning = (Status: 'Enabled' | 'Suspended' = 'Enabled') =>
  client.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));

describe('buckets', () => {
  it('are listed, located and deleted only when empty', async () => {
    const CreateBucketConfiguration = { LocationConstraint: 'eu-west-1' } as const;
    await client.send(new S3.CreateBucketCommand({ Bucket: 'elsewhere', CreateBucketConfiguration }));
    const { Buckets } = await client.send(new S3.ListBucketsCommand({}));
    expect(Buckets!.map(({ Name }) => Name)).toEqual([Bucket, 'elsewhere']);
    const locate = async (name: string) =>
      (await client.send(new S3.GetBucketLocationCommand({ Bucket: name }))).LocationConstraint;
    expect([await locate(Bucket), await locate('elsewhere')]).toEqual([undefined, 'eu-west-1']);
    await put('x', 'x');
    const remove = () => client.send(new S3.DeleteBucketCommand({ Bucket }));
    expect(await failureOf(remove())).toEqual({ name: 'BucketNotEmpty', status: 409 });
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'x' }));
    await remove();
    expect(await failureOf(put('x', 'x'))).toEqual({ name: 'NoSuchBucket', status: 404 });
    expect(await failureOf(client.send(new S3.HeadBucketCommand({ Bucket })))).toMatchObject({ status: 404 });
  });

  it('have names by the rules of S3', async () => {
    for (const name of ['Upper', 'ab', '192.168.0.1', 'dots..twice', '-dash']) {
      const attempt = fetchSigned(`/${name}`);
      expect(await attempt, name).toContain('<Code>InvalidBucketName</Code>');
    }
  });

  /** The SDK refuses some names itself, so the request is built from one that it accepts. */
  async function fetchSigned(path: string): Promise<string> {
    const raw = server.client();
    raw.middlewareStack.add(
      (next) => (args) => {
        (args.request as { path: string }).path = path;
        return next(args);
      },
      { step: 'build' },
    );
    const error = await raw
      .send(new S3.CreateBucketCommand({ Bucket: 'placeholder' }))
      .catch((thrown: unknown) => thrown);
    return `<Code>${(error as Error).name}</Code>`;
  }

  it('answer what a new bucket has, keep what is set, and forget what is deleted', async () => {
    const encryption = await client.send(new S3.GetBucketEncryptionCommand({ Bucket }));
    const [rule] = encryption.ServerSideEncryptionConfiguration!.Rules!;
    expect(rule!.ApplyServerSideEncryptionByDefault!.SSEAlgorithm).toBe('AES256');
    const access = await client.send(new S3.GetPublicAccessBlockCommand({ Bucket }));
    expect(access.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    });
    const policyOf = () => client.send(new S3.GetBucketPolicyCommand({ Bucket }));
    expect(await failureOf(policyOf())).toEqual({ name: 'NoSuchBucketPolicy', status: 404 });
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
    await client.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
    expect((await policyOf()).Policy).toBe(Policy);
    await client.send(new S3.DeleteBucketPolicyCommand({ Bucket }));
    expect(await failureOf(policyOf())).toMatchObject({ status: 404 });
    const lifecycle = client.send(new S3.GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(await failureOf(lifecycle)).toEqual({ name: 'NoSuchLifecycleConfiguration', status: 404 });
    const PublicAccessBlockConfiguration = { BlockPublicAcls: false };
    await client.send(new S3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    await client.send(new S3.DeletePublicAccessBlockCommand({ Bucket }));
    const gone = client.send(new S3.GetPublicAccessBlockCommand({ Bucket }));
    expect(await failureOf(gone)).toEqual({ name: 'NoSuchPublicAccessBlockConfiguration', status: 404 });
    const broken = server.client();
    expect((await broken.send(new S3.GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
  });
});

describe('another region than us-east-1', () => {
  it('says that a bucket is owned already, and refuses what is signed for elsewhere', async () => {
    const other = await S3Server.start({ region: 'eu-west-1', enforceRegion: true });
    try {
      const local = other.client({ region: 'eu-west-1' });
      const create = () => local.send(new S3.CreateBucketCommand({ Bucket }));
      await create();
      expect(await failureOf(create())).toEqual({ name: 'BucketAlreadyOwnedByYou', status: 409 });
      const { LocationConstraint } = await local.send(new S3.GetBucketLocationCommand({ Bucket }));
      expect(LocationConstraint).toBe('eu-west-1');
      const foreign = other.client().send(new S3.ListObjectsV2Command({ Bucket }));
      expect(await failureOf(foreign)).toEqual({ name: 'AuthorizationHeaderMalformed', status: 400 });
    } finally {
      await other.close();
    }
  });
});

describe('versioning', () => {
  it('keeps old versions readable and hides a deleted key behind a marker', async () => {
    const unversioned = await put('v', 'null version');
    expect(unversioned.VersionId).toBeUndefined();
    await enableVersioning();
    const one = await put('v', 'one');
    const two = await put('v', 'two');
    expect(await textOf('v')).toBe('two');
    expect(await textOf('v', { VersionId: one.VersionId })).toBe('one');
    expect(await textOf('v', { VersionId: 'null' })).toBe('null version');
    const marker = await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'v' }));
    expect(marker.DeleteMarker).toBe(true);
    expect(await failureOf(textOf('v'))).toEqual({ name: 'NoSuchKey', status: 404 });
    expect(await failureOf(textOf('v', { VersionId: marker.VersionId }))).toMatchObject({ status: 405 });
    expect((await client.send(new S3.ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'v', VersionId: marker.VersionId }));
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'v', VersionId: two.VersionId }));
    expect(await textOf('v')).toBe('one');
    expect(await failureOf(textOf('v', { VersionId: two.VersionId }))).toEqual({ name: 'NoSuchVersion', status: 404 });
  });

  it('counts a delete marker as an absent key for conditional writes', async () => {
    await enableVersioning();
    const { ETag } = await put('v', 'one');
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'v' }));
    expect(await failureOf(put('v', 'two', { IfMatch: ETag! }))).toMatchObject({ status: 404 });
    await put('v', 'two', { IfNoneMatch: '*' });
  });

  it('replaces only the null version while suspended', async () => {
    await enableVersioning();
    const kept = await put('v', 'kept');
    await enableVersioning('Suspended');
    await put('v', 'first null');
    const last = await put('v', 'second null');
    expect(last.VersionId).toBe('null');
    const { Versions } = await client.send(new S3.ListObjectVersionsCommand({ Bucket }));
    expect(Versions!.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      ['null', true],
      [kept.VersionId, false],
    ]);
  });

  it('lists versions and markers page by page', async () => {
    await enableVersioning();
    for (const key of ['a', 'b', 'c']) for (const body of ['1', '2', '3']) await put(key, body);
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'b' }));
    const seen: string[] = [];
    let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (markers !== undefined) {
      const page: S3.ListObjectVersionsCommandOutput = await client.send(
        new S3.ListObjectVersionsCommand({ Bucket, MaxKeys: 2, ...markers }),
      );
      for (const { Key } of page.Versions ?? []) seen.push(Key!);
      for (const { Key } of page.DeleteMarkers ?? []) seen.push(`${Key} deleted`);
      markers =
        page.IsTruncated === true
          ? { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! }
          : undefined;
    }
    expect(seen.sort()).toEqual(['a', 'a', 'a', 'b', 'b', 'b', 'b deleted', 'c', 'c', 'c']);
  });
});

describe('a restart', () => {
  it('loses nothing: objects, versions, settings, tags and unfinished uploads', async () => {
    await enableVersioning();
    const first = await put('deep/key é', 'first', { Metadata: { a: 'b' }, Tagging: 't=1' });
    await put('deep/key é', 'second', { ContentType: 'text/x' });
    await put('gone', 'x');
    await client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'gone' }));
    const upload = { Bucket, Key: 'mp', ChecksumAlgorithm: 'CRC32C' } as const;
    const { UploadId } = await client.send(new S3.CreateMultipartUploadCommand(upload));
    const part = await client.send(new S3.UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'part' }));
    await server.restart();
    client = server.client();
    expect(await textOf('deep/key é')).toBe('second');
    const old = await client.send(new S3.GetObjectCommand({ Bucket, Key: 'deep/key é', VersionId: first.VersionId }));
    expect(await old.Body!.transformToString()).toBe('first');
    expect(old).toMatchObject({ Metadata: { a: 'b' }, TagCount: 1, ETag: first.ETag });
    expect(await failureOf(textOf('gone'))).toMatchObject({ status: 404 });
    const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32C: part.ChecksumCRC32C }];
    await client.send(
      new S3.CompleteMultipartUploadCommand({ Bucket, Key: 'mp', UploadId, MultipartUpload: { Parts } }),
    );
    expect(await textOf('mp')).toBe('part');
    expect((await client.send(new S3.GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
  });

  it('cuts off a torn last line and removes bytes that nothing names', async () => {
    await put('whole', 'whole');
    const folder = join(server.root, Bucket);
    appendFileSync(join(folder, 'journal.ndjson'), '{"type":"version","key":"torn","ver');
    writeFileSync(join(folder, 'blobs', 'orphan'), 'left by a killed process');
    await server.restart();
    client = server.client();
    expect(await textOf('whole')).toBe('whole');
    await put('after', 'after');
    await server.restart();
    client = server.client();
    const { Contents } = await client.send(new S3.ListObjectsV2Command({ Bucket }));
    expect(Contents!.map(({ Key }) => Key)).toEqual(['after', 'whole']);
    expect(readdirSync(join(folder, 'blobs'))).toHaveLength(2);
  });

  it('rewrites a journal that is mostly history', async () => {
    for (let n = 0; n < 1100; n += 22) await Promise.all(Array.from({ length: 22 }, () => put('beat', 'again')));
    await put('beat', 'last');
    const journal = join(server.root, Bucket, 'journal.ndjson');
    expect(readFileSync(journal, 'utf8').split('\n').length).toBeGreaterThan(1100);
    await server.restart();
    client = server.client();
    expect(readFileSync(journal, 'utf8').split('\n').length).toBeLessThan(5);
    expect(await textOf('beat')).toBe('last');
    expect(readdirSync(join(server.root, Bucket, 'blobs'))).toHaveLength(1);
  });
});

describe('listing', () => {
  it('rolls up, pages and goes on after a rolled-up prefix, in both versions of the operation', async () => {
    for (const key of ['a', 'b/1', 'b/2', 'c/1', 'd']) await put(key, key);
    const namesOf = (page: { Contents?: S3._Object[] | undefined; CommonPrefixes?: S3.CommonPrefix[] | undefined }) => [
      ...(page.Contents ?? []).map(({ Key }) => Key!),
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
    ];
    const seen: string[][] = [[], []];
    let token: string | undefined;
    do {
      const page: S3.ListObjectsV2CommandOutput = await client.send(
        new S3.ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 1, ...(token && { ContinuationToken: token }) }),
      );
      seen[0]!.push(...namesOf(page));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    let marker: string | undefined;
    do {
      const page: S3.ListObjectsCommandOutput = await client.send(
        new S3.ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 1, ...(marker && { Marker: marker }) }),
      );
      seen[1]!.push(...namesOf(page));
      marker = page.NextMarker;
    } while (marker !== undefined);
    expect(seen).toEqual([
      ['a', 'b/', 'c/', 'd'],
      ['a', 'b/', 'c/', 'd'],
    ]);
  });

  it('refuses an encoding, a token and a number that it does not know', async () => {
    const list = (more: Partial<S3.ListObjectsV2CommandInput>) =>
      failureOf(client.send(new S3.ListObjectsV2Command({ Bucket, ...more })));
    const invalid = { name: 'InvalidArgument', status: 400 };
    expect(await list({ EncodingType: 'base64' as 'url' })).toEqual(invalid);
    expect(await list({ ContinuationToken: 'nonsense' })).toEqual(invalid);
    expect(await list({ MaxKeys: -1 })).toEqual(invalid);
  });

  it('deletes a thousand keys in one request and refuses more', async () => {
    const keys = Array.from({ length: 1000 }, (_, n) => ({ Key: `n/${n}` }));
    const remove = (Objects: S3.ObjectIdentifier[]) =>
      client.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    await put('n/7', 'x');
    expect((await remove(keys)).Deleted).toBeUndefined();
    expect((await client.send(new S3.ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await failureOf(remove([...keys, { Key: 'more' }]))).toEqual({ name: 'MalformedXML', status: 400 });
    const { ETag } = await put('kept', 'x');
    const results = await client.send(
      new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'kept', ETag: '"other"' }] } }),
    );
    expect(results.Errors).toMatchObject([{ Key: 'kept', Code: 'PreconditionFailed' }]);
    expect((await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'kept' }))).ETag).toBe(ETag);
  });
});
