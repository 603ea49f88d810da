import * as S3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRule } from '../s3/index.ts';
import { failureOf, role, S3Server } from './s3-server.ts';

describe('faults', () => {
  const Bucket = 'faults';
  let server: S3Server;
  let client: S3.S3Client;

  beforeAll(async () => {
    server = await S3Server.start();
    client = server.client();
    await client.send(new S3.CreateBucketCommand({ Bucket }));
  });
  afterAll(() => server.close());

  const put = (Key: string, Body: string | Buffer = 'x', by = client) =>
    by.send(new S3.PutObjectCommand({ Bucket, Key, Body }));
  const exists = (Key: string) =>
    client.send(new S3.HeadObjectCommand({ Bucket, Key })).then(
      () => true,
      () => false,
    );
  const during = async <T>(rules: FaultRule[], act: () => Promise<T>): Promise<T> => {
    server.service.setFaults(rules);
    try {
      return await act();
    } finally {
      server.service.setFaults([]);
    }
  };

  it('answer an error instead of doing anything, as often as they say', async () => {
    const rule: FaultRule = {
      name: 'slow down',
      match: { keyPattern: 'runs/*/latest.json', operations: ['PutObject'] },
      effect: { kind: 'status', status: 503, code: 'SlowDown' },
      times: 2,
    };
    await during([rule], async () => {
      await put('runs/r-1/other.json');
      expect(await failureOf(put('runs/r-1/latest.json'))).toEqual({ name: 'SlowDown', status: 503 });
      expect(await failureOf(put('runs/r-1/latest.json'))).toEqual({ name: 'SlowDown', status: 503 });
      expect(await exists('runs/r-1/latest.json')).toBe(false);
      await put('runs/r-1/latest.json');
      expect(server.service.faultsSeen()).toEqual([{ name: 'slow down', effect: 'status', matched: 3, applied: 2 }]);
    });
  });

  it('are outlived by a client that retries', async () => {
    const rules: FaultRule[] = [
      { match: {}, effect: { kind: 'status', status: 500, code: 'InternalError' }, times: 1 },
    ];
    await during(rules, () => put('retried', 'x', server.client({ maxAttempts: 3 })));
    expect(await exists('retried')).toBe(true);
  });

  it('drop the answer after the write: a retried creation meets its own success', async () => {
    const rules: FaultRule[] = [{ match: { keyPattern: 'dropped' }, effect: { kind: 'drop-response' }, times: 1 }];
    const retrying = server.client({ maxAttempts: 3 });
    const attempt = during(rules, () =>
      retrying.send(new S3.PutObjectCommand({ Bucket, Key: 'dropped', Body: 'mine', IfNoneMatch: '*' })),
    );
    expect(await failureOf(attempt)).toEqual({ name: 'PreconditionFailed', status: 412 });
    expect(await exists('dropped')).toBe(true);
  });

  it('cut the connection before the write', async () => {
    const rules: FaultRule[] = [{ match: { keyPattern: 'cut' }, effect: { kind: 'reset' } }];
    await expect(during(rules, () => put('cut'))).rejects.toThrow(/ECONNRESET|socket hang up|aborted/);
    expect(await exists('cut')).toBe(false);
  });

  it('lose the answer to CompleteMultipartUpload: the retry meets NoSuchUpload, the object is there', async () => {
    const Key = 'completed';
    const { UploadId } = await client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key }));
    const { ETag } = await client.send(new S3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    const complete = new S3.CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    });
    const rules: FaultRule[] = [
      { match: { operations: ['CompleteMultipartUpload'] }, effect: { kind: 'drop-response' }, times: 1 },
    ];
    const attempt = during(rules, () => server.client({ maxAttempts: 2 }).send(complete));
    expect(await failureOf(attempt)).toEqual({ name: 'NoSuchUpload', status: 404 });
    expect(await exists(Key)).toBe(true);
  });

  it('put an error into a 200, as CompleteMultipartUpload can', async () => {
    const Key = 'error-in-200';
    const { UploadId } = await client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key }));
    const { ETag } = await client.send(new S3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    const rules: FaultRule[] = [
      {
        match: { operations: ['CompleteMultipartUpload'] },
        effect: { kind: 'status', status: 200, code: 'InternalError' },
      },
    ];
    const attempt = during(rules, () =>
      client.send(
        new S3.CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
        }),
      ),
    );
    expect((await failureOf(attempt)).name).toBe('InternalError');
    expect(await exists(Key)).toBe(false);
  });

  it('slow bodies down in both directions', async () => {
    const body = Buffer.alloc(40_000);
    const rules: FaultRule[] = [
      { match: { keyPattern: 'slow' }, effect: { kind: 'bandwidth', bytesPerSecond: 100_000 } },
    ];
    await during(rules, async () => {
      const started = performance.now();
      await put('slow', body);
      const sent = performance.now();
      const answer = await client.send(new S3.GetObjectCommand({ Bucket, Key: 'slow' }));
      expect((await answer.Body!.transformToByteArray()).length).toBe(body.length);
      expect(sent - started).toBeGreaterThan(350);
      expect(performance.now() - sent).toBeGreaterThan(350);
    });
  });

  it('wait before doing anything', async () => {
    const rules: FaultRule[] = [{ match: {}, effect: { kind: 'delay', ms: 200 }, times: 1 }];
    const started = performance.now();
    await during(rules, () => put('delayed'));
    expect(performance.now() - started).toBeGreaterThan(195);
  });

  it('strike one instance and spare the others', async () => {
    const instance = server.client({ credentials: role });
    const rule = (principalInstanceId: string): FaultRule => ({
      match: { principalInstanceId },
      effect: { kind: 'status', status: 403, code: 'AccessDenied' },
    });
    await during([rule('i-0123456789abcdef0')], async () => {
      expect(await failureOf(put('who', 'x', instance))).toEqual({ name: 'AccessDenied', status: 403 });
      await put('who');
    });
    await during([rule('i-0fffffffffffffff0')], () => put('who', 'x', instance));
    await during([rule('*')], async () => {
      expect(await failureOf(put('who', 'x', instance))).toEqual({ name: 'AccessDenied', status: 403 });
      await put('who');
    });
  });

  it('strike by chance in the same way for the same seed', async () => {
    const rule: FaultRule = {
      match: { operations: ['HeadObject'] },
      effect: { kind: 'status', status: 503, code: 'SlowDown' },
      probability: 0.5,
      seed: 7,
    };
    await put('chance');
    const pattern = () =>
      during([rule], async () => {
        const answers: boolean[] = [];
        for (let n = 0; n < 12; n++) answers.push(await exists('chance'));
        return answers;
      });
    const first = await pattern();
    expect(await pattern()).toEqual(first);
    expect(new Set(first)).toEqual(new Set([true, false]));
  });

  it('are refused when they are not valid, and the old ones stay', () => {
    server.service.setFaults([{ match: {}, effect: { kind: 'reset' }, name: 'old' }]);
    const wrong = [{ effect: { kind: 'explode' } }] as unknown as FaultRule[];
    expect(() => server.service.setFaults(wrong)).toThrow(/effect/);
    expect(server.service.faultsSeen()[0]?.name).toBe('old');
    server.service.setFaults([]);
  });
});
