import { systemClock } from '@runctl/core';
import { freezes, frozenEndpoint } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { retrying } from '../decorators/retrying.ts';
import { readBytes, type ObjectStore } from '../index.ts';
import { S3Store } from './s3-store.ts';

function storeAt(endpoint: string): { readonly store: ObjectStore; readonly close: () => void } {
  const s3 = new S3Store({
    bucket: 'b',
    region: 'us-east-1',
    clock: systemClock,
    endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'k', secretAccessKey: 's' }),
    connectTimeoutMs: 100,
    idleTimeoutMs: 200,
  });
  return {
    store: retrying(s3, { clock: systemClock, policy: { attempts: 3, baseMs: 1, maxMs: 10 } }),
    close: () => s3.close(),
  };
}

const listed = async (store: ObjectStore): Promise<unknown> => {
  for await (const info of store.list({ prefix: '' })) return info;
  return null;
};

describe.each(freezes.filter((freeze) => freeze !== 'answers a byte now and then'))(
  'where the bucket %s',
  { concurrent: true },
  (freeze) => {
    test.each([
      ['a read', (store: ObjectStore) => readBytes(store, 'key')],
      ['a listing', listed],
      ['a head', (store: ObjectStore) => store.head('key')],
      ['a put', (store: ObjectStore) => store.put('key', Buffer.from('x'))],
    ])('%s is given up', { timeout: 15_000 }, async (_what, call) => {
      await using endpoint = await frozenEndpoint(freeze);
      const { store, close } = storeAt(endpoint.url);
      const answer = await call(store).catch((error: unknown) => error);
      // Half an answer may be a whole one where no body is read, or lack what every object has: it is only not waited for.
      if (!freeze.includes('body')) expect(answer).toMatchObject({ kind: 'transient' });
      close();
    });
  },
);
