import { randomBytes } from 'node:crypto';
import { systemClock } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { describeObjectStore } from '../port/conformance.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { readBytes, readText } from '../port/object-body.ts';
import { isStoreError, type ObjectInfo, type ObjectStore, StoreError } from '../port/object-store.ts';
import type { Around } from './decorated-store.ts';
import { intercepted } from './intercepted.ts';
import { limited } from './limited.ts';
import { prefixed } from './prefixed.ts';
import { retrying } from './retrying.ts';

const memory = () => new MemoryStore({ clock: systemClock });
const broken = (kind: 'transient' | 'conflict' | 'permanent' = 'transient') =>
  new StoreError(kind, 'as the test wants it');

describeObjectStore('the memory store behind every decorator', async () => ({
  store: prefixed(limited(retrying(intercepted(memory(), pass), { clock: systemClock }), 3), '/some/prefix/'),
}));

const pass: Around = (_call, perform) => perform();

/** Fails the first calls of each kind with the given errors. */
function failing(store: ObjectStore, ...errors: StoreError[]): ObjectStore {
  const left = [...errors];
  return intercepted(store, async (_call, perform) => {
    const error = left.shift();
    if (error !== undefined) throw error;
    return perform();
  });
}

describe('retrying', () => {
  test('repeats what may succeed later, with growing pauses', async () => {
    const clock = new FakeClock();
    const pauses: number[] = [];
    const store = retrying(failing(memory(), broken(), broken('conflict'), broken()), {
      clock,
      random: () => 1,
      policy: { attempts: 4, baseMs: 100, maxMs: 250 },
      onRetry: (_error, _retry, pauseMs) => pauses.push(pauseMs),
    });
    await clock.runUntil(store.put('key', Buffer.from('x')));
    expect(pauses).toEqual([100, 200, 250]);
    expect(await readText(store, 'key')).toBe('x');
  });

  test('leaves a put that is to go once to whoever repeats it, and tells of what may pass', async () => {
    const told: string[] = [];
    const store = retrying(failing(memory(), broken(), broken('permanent')), {
      clock: new FakeClock(),
      onRetry: (error, _retry, pauseMs) => told.push(`${error.kind} ${pauseMs}`),
    });
    for (const kind of ['transient', 'permanent'])
      await expect(store.put('key', Buffer.from('x'), { once: true })).rejects.toMatchObject({ kind });
    expect(told).toEqual(['transient 0']);
  });

  test('gives up after its attempts, and at once where trying again is no use', async () => {
    const clock = new FakeClock();
    const policy = { attempts: 2, baseMs: 1, maxMs: 1 };
    const unlucky = retrying(failing(memory(), broken(), broken(), broken()), { clock, policy });
    await expect(clock.runUntil(unlucky.head('key'))).rejects.toMatchObject({ kind: 'transient' });
    const refused = retrying(failing(memory(), broken('permanent')), { clock, policy });
    await expect(refused.head('key')).rejects.toMatchObject({ kind: 'permanent' });
  });

  test('stops pausing as soon as its caller aborts', async () => {
    const stop = new AbortController();
    const store = retrying(failing(memory(), broken(), broken()), { clock: new FakeClock() });
    const putting = store.put('key', Buffer.from('x'), { signal: stop.signal });
    stop.abort();
    await expect(putting).rejects.toMatchObject({ kind: 'aborted' });
  });

  test('reads on where a body broke off, of the same version only', async () => {
    const inner = memory();
    const bytes = randomBytes(300_000);
    await inner.put('key', bytes);
    const store = retrying(breakingBodies(inner, 3), {
      clock: systemClock,
      policy: { attempts: 2, baseMs: 1, maxMs: 1 },
    });
    expect(Buffer.compare(await readBytes(store, 'key'), bytes)).toBe(0);
    const { body } = await store.get('key', { range: { start: 1000, end: 250_000 } });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    expect(Buffer.compare(Buffer.concat(chunks), bytes.subarray(1000, 250_000))).toBe(0);
  });

  test('does not join bytes of two versions', async () => {
    const inner = memory();
    await inner.put('key', randomBytes(300_000));
    const store = retrying(breakingBodies(inner, 1), {
      clock: systemClock,
      policy: { attempts: 3, baseMs: 1, maxMs: 1 },
    });
    const { body } = await store.get('key');
    const reading = (async () => {
      for await (const _chunk of body) await inner.put('key', randomBytes(300_000));
    })();
    await expect(reading).rejects.toMatchObject({ kind: 'precondition' });
  });

  test('goes on with a listing that broke off, each key once', async () => {
    const inner = memory();
    const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
    for (const key of keys) await inner.put(key, Buffer.from('x'));
    let breaks = 4;
    const list = async function* (options: Parameters<ObjectStore['list']>[0]): AsyncIterable<ObjectInfo> {
      let count = 0;
      for await (const info of inner.list(options)) {
        if (breaks > 0 && count++ === 2) {
          breaks--;
          throw broken();
        }
        yield info;
      }
    };
    const flaky = Object.assign(intercepted(inner, pass), { list });
    const store = retrying(flaky, { clock: systemClock, policy: { attempts: 2, baseMs: 1, maxMs: 1 } });
    const seen: string[] = [];
    for await (const { key } of store.list({ prefix: 'key', limit: 9 })) seen.push(key);
    expect(seen).toEqual(keys.slice(0, 9));
    expect(breaks).toBe(0);
  });
});

/** A store whose first `count` bodies break off after one chunk. */
function breakingBodies(inner: ObjectStore, count: number): ObjectStore {
  let left = count;
  return intercepted(inner, async (call, perform) => {
    const result = await perform();
    if (call.operation !== 'get' || left-- <= 0) return result;
    const { body, ...rest } = result as Awaited<ReturnType<ObjectStore['get']>>;
    const torn = async function* () {
      for await (const chunk of body) {
        yield chunk;
        throw broken();
      }
    };
    return { ...rest, body: torn() } as typeof result;
  });
}

describe('limited', () => {
  test('lets only so many calls run at once', async () => {
    let running = 0;
    let most = 0;
    const inner = intercepted(memory(), async (_call, perform) => {
      most = Math.max(most, ++running);
      await systemClock.sleep(1);
      running--;
      return perform();
    });
    const store = limited(inner, 3);
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.put(`key-${index}`, Buffer.from('x'))));
    expect(most).toBe(3);
  });

  test('counts a reading until its body is read or left', async () => {
    const store = limited(memory(), 1);
    await store.put('key', randomBytes(200_000));
    const { body } = await store.get('key');
    let done = false;
    const second = store.head('key').then(() => (done = true));
    await systemClock.sleep(5);
    expect(done).toBe(false);
    for await (const _chunk of body) break;
    await second;
    expect(done).toBe(true);
  });

  test('lets a caller leave the queue, and gives its turn to the next', async () => {
    const store = limited(memory(), 1);
    await store.put('key', Buffer.from('x'));
    const { body } = await store.get('key');
    const stop = new AbortController();
    const impatient = store.head('key', { signal: stop.signal });
    const patient = store.head('key');
    stop.abort();
    await expect(impatient).rejects.toMatchObject({ kind: 'aborted' });
    for await (const _chunk of body);
    expect(await patient).toMatchObject({ key: 'key' });
  });

  test('frees the place of a call that failed', async () => {
    const store = limited(failing(memory(), broken(), broken()), 1);
    await expect(store.head('key')).rejects.toMatchObject({ kind: 'transient' });
    await expect(store.get('key')).rejects.toMatchObject({ kind: 'transient' });
    expect(await store.head('key')).toBeNull();
  });
});

describe('prefixed', () => {
  test('keeps to its part of the store and shows keys without the prefix', async () => {
    const inner = memory();
    const store = prefixed(inner, 'team/runs/');
    await store.put('a', Buffer.from('x'));
    await inner.put('team/other', Buffer.from('x'));
    expect(await inner.head('team/runs/a')).not.toBeNull();
    const listed: string[] = [];
    for await (const { key } of store.list({ prefix: '' })) listed.push(key);
    expect(listed).toEqual(['a']);
    expect(store.location).toBe('memory/team/runs');
    expect(prefixed(inner, '')).toBe(inner);
  });

  test('names the key as its caller knows it', async () => {
    const error = await prefixed(memory(), 'p')
      .get('nothing')
      .catch((error: unknown) => error);
    expect(isStoreError(error, 'missing') && error.key).toBe('nothing');
  });
});
