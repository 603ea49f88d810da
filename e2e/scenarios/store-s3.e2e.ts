import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { systemClock } from '@runctl/core';
import {
  compareAndSet,
  getToFile,
  isStoreError,
  type ObjectStore,
  putFile,
  putIfAbsentOwn,
  retrying,
} from '@runctl/store';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { S3World } from '../support/s3-service.ts';

const MIB = 1024 * 1024;

const patient = (store: ObjectStore) =>
  retrying(store, { clock: systemClock, policy: { attempts: 12, baseMs: 2, maxMs: 20 } });

async function bytesBySdk(world: S3World, key: string): Promise<Buffer> {
  // With the checksum mode on, the SDK itself compares what it read with the CRC that S3 kept.
  const { Body } = await world.sdk.send(
    new GetObjectCommand({ Bucket: world.bucket, Key: key, ChecksumMode: 'ENABLED' }),
  );
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe('the S3 store and the SDK, each reading what the other wrote', () => {
  test('the SDK finds our objects sound, in parts or not', async () => {
    await using world = await S3World.start();
    await using folder = await temporaryFolder();
    const store = patient(world.store());
    const bytes = randomBytes(20 * MIB + 5);
    await writeFile(join(folder.path, 'file'), bytes);
    await putFile(store, { key: 'data/in parts +1', path: join(folder.path, 'file') });
    await store.put('data/small', Buffer.from('hello'));
    expect(Buffer.compare(await bytesBySdk(world, 'data/in parts +1'), bytes)).toBe(0);
    expect((await bytesBySdk(world, 'data/small')).toString()).toBe('hello');
    const head = await world.sdk.send(
      new HeadObjectCommand({ Bucket: world.bucket, Key: 'data/in parts +1', ChecksumMode: 'ENABLED' }),
    );
    expect(head.ChecksumCRC32).toMatch(/-3$/);
    const listed = await world.sdk.send(new ListObjectsV2Command({ Bucket: world.bucket, Prefix: 'data/' }));
    expect(listed.Contents?.map(({ Key }) => Key)).toEqual(['data/in parts +1', 'data/small']);
    await getToFile(store, { key: 'data/in parts +1', path: join(folder.path, 'back') });
    expect(Buffer.compare(await readFile(join(folder.path, 'back')), bytes)).toBe(0);
  });

  test('we find what the SDK wrote, odd keys and conditions included', async () => {
    await using world = await S3World.start();
    const store = world.store();
    const Key = 'a folder/ü+%20&"x".json';
    const { ETag } = await world.sdk.send(new PutObjectCommand({ Bucket: world.bucket, Key, Body: 'by the SDK' }));
    const etag = ETag?.replaceAll('"', '') ?? '';
    const listed = [];
    for await (const info of store.list({ prefix: 'a folder/' })) listed.push(info);
    expect(listed).toMatchObject([{ key: Key, sizeBytes: 10, etag }]);
    await store.put(Key, Buffer.from('ours'), { when: { etag } });
    expect((await bytesBySdk(world, Key)).toString()).toBe('ours');
  });

  test('copies in parts what is too large for one copy', async () => {
    await using world = await S3World.start();
    const store = world.store({ copyLimitBytes: 8 * MIB });
    const bytes = randomBytes(9 * MIB);
    await store.put('from', bytes);
    await store.copy('from', 'to');
    expect(Buffer.compare(await bytesBySdk(world, 'to'), bytes)).toBe(0);
    expect((await store.head('to'))?.etag).toMatch(/-1$/);
  });
});

describe('the S3 store when the service misbehaves', () => {
  test('recognises its own conditional writes behind lost answers', async () => {
    await using world = await S3World.start();
    const store = patient(world.store());
    world.service.setFaults([{ match: { operations: ['PutObject'] }, effect: { kind: 'drop-response' }, times: 2 }]);
    const made = await putIfAbsentOwn(store, { key: 'lease', body: Buffer.from('nonce 1') });
    expect(made).toMatchObject({ won: true });
    const etag = made.won ? made.etag : '';
    world.service.setFaults([{ match: { operations: ['PutObject'] }, effect: { kind: 'drop-response' }, times: 1 }]);
    expect(await compareAndSet(store, { key: 'lease', body: Buffer.from('nonce 2'), when: { etag } })).toMatchObject({
      won: true,
    });
    const stale = await compareAndSet(store, { key: 'lease', body: Buffer.from('nonce 3'), when: { etag } });
    expect(stale.won ? null : Buffer.from(stale.current?.bytes ?? []).toString()).toBe('nonce 2');
    expect(world.service.faultsSeen()[0]?.applied).toBe(1);
  });

  test('finishes an upload through errors, cut connections, lost answers and errors inside a success', async () => {
    await using world = await S3World.start();
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    const bytes = randomBytes(64 * MIB);
    await writeFile(path, bytes);
    world.service.setFaults([
      {
        match: { operations: ['CompleteMultipartUpload'] },
        effect: { kind: 'status', status: 200, code: 'InternalError' },
        times: 1,
      },
      { match: { operations: ['CompleteMultipartUpload'] }, effect: { kind: 'drop-response' }, times: 1 },
      {
        match: { operations: ['CreateMultipartUpload'] },
        effect: { kind: 'status', status: 503, code: 'SlowDown' },
        times: 1,
      },
      { match: { operations: ['UploadPart'] }, effect: { kind: 'drop-response' }, times: 2 },
      { match: { operations: ['UploadPart'] }, effect: { kind: 'reset' }, times: 2 },
      {
        match: { operations: ['UploadPart'] },
        effect: { kind: 'status', status: 500, code: 'InternalError' },
        times: 2,
      },
    ]);
    const store = patient(world.store());
    const put = await putFile(store, { key: 'data/file', path, concurrency: 4 });
    expect(world.service.faultsSeen().map((fault) => fault.applied)).toEqual([1, 1, 1, 2, 2, 2]);
    expect(Buffer.compare(await bytesBySdk(world, 'data/file'), bytes)).toBe(0);
    expect((await store.head('data/file'))?.etag).toBe(put.etag);
    const open = [];
    for await (const upload of store.listMultipart({ prefix: '' })) open.push(upload);
    expect(open).toEqual([]);
  });

  test('reads an object through connections that are cut and errors', async () => {
    await using world = await S3World.start();
    await using folder = await temporaryFolder();
    const store = patient(world.store());
    const bytes = randomBytes(30 * MIB);
    await store.put('key', bytes);
    world.service.setFaults([
      { match: { operations: ['GetObject'] }, effect: { kind: 'reset' }, times: 2 },
      { match: { operations: ['GetObject'] }, effect: { kind: 'status', status: 503, code: 'SlowDown' }, times: 2 },
    ]);
    await getToFile(store, { key: 'key', path: join(folder.path, 'file'), concurrency: 2 });
    expect(Buffer.compare(await readFile(join(folder.path, 'file')), bytes)).toBe(0);
  });

  test('works on a machine whose clock is an hour off', async () => {
    await using world = await S3World.start();
    for (const offsetMs of [-3_600_000, 3_600_000]) {
      const store = world.store({ clock: { wallMs: () => Date.now() + offsetMs } });
      expect(await store.head('nothing')).toBeNull();
      await store.put('key', Buffer.from('x'));
      expect((await store.head('key'))?.sizeBytes).toBe(1);
    }
  });

  test('says what is wrong with keys, region and bucket', async () => {
    await using world = await S3World.start();
    const kindOf = (store: ObjectStore) =>
      store.head('key').then(
        () => 'resolved',
        (error: unknown) => (isStoreError(error) ? `${error.kind} ${error.code}` : String(error)),
      );
    const credentials = async () => ({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' });
    expect(await kindOf(world.store({ credentials }))).toBe('credentials InvalidAccessKeyId');
    expect(await kindOf(world.store({ bucket: 'no-such-bucket' }))).toBe('bucket-missing NoSuchBucket');
    expect(await kindOf(world.store({ region: 'eu-west-1' }))).toBe('permanent AuthorizationHeaderMalformed');
  });
});
