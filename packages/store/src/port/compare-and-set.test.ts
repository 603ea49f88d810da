import { systemClock } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { compareAndSet, putIfAbsentOwn } from './compare-and-set.ts';
import { intercepted } from '../decorators/intercepted.ts';
import { retrying } from '../decorators/retrying.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { readText } from './object-body.ts';
import { type ObjectStore, StoreError } from './object-store.ts';

const text = (value: string) => Buffer.from(value);

/** Loses the answers of the first puts; what `meanwhile` does comes between such a put and its repetition. */
function losingAnswers(inner: ObjectStore, count: number, meanwhile: () => Promise<unknown> = async () => {}) {
  let left = count;
  const lossy = intercepted(inner, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'put' && left-- > 0) {
      await meanwhile();
      throw new StoreError('transient', 'the answer was lost');
    }
    return result;
  });
  return retrying(lossy, { clock: systemClock, policy: { attempts: 4, baseMs: 1, maxMs: 2 } });
}

describe('compare and set', () => {
  test('wins where the condition holds and tells the etag', async () => {
    const store = new MemoryStore({ clock: systemClock });
    const made = await putIfAbsentOwn(store, { key: 'key', body: text('first') });
    expect(made).toMatchObject({ won: true });
    const etag = made.won ? made.etag : '';
    expect(await compareAndSet(store, { key: 'key', body: text('second'), when: { etag } })).toMatchObject({
      won: true,
    });
    expect(await readText(store, 'key')).toBe('second');
  });

  test('shows what stands there when another was faster', async () => {
    const store = new MemoryStore({ clock: systemClock });
    const { etag } = await store.put('key', text('theirs'));
    expect(await putIfAbsentOwn(store, { key: 'key', body: text('ours') })).toEqual({
      won: false,
      current: { bytes: text('theirs'), etag },
    });
    await store.delete(['key']);
    expect(await compareAndSet(store, { key: 'key', body: text('ours'), when: { etag } })).toEqual({
      won: false,
      current: null,
    });
  });

  test('recognises its own success behind answers that were lost', async () => {
    const inner = new MemoryStore({ clock: systemClock });
    const store = losingAnswers(inner, 1);
    const outcome = await putIfAbsentOwn(store, { key: 'key', body: text('ours, nonce 1') });
    expect(outcome).toEqual({ won: true, etag: (await inner.head('key'))?.etag });
  });

  test('does not claim a success that another has replaced', async () => {
    const inner = new MemoryStore({ clock: systemClock });
    const store = losingAnswers(inner, 1, () => inner.put('key', text('theirs')));
    expect(await putIfAbsentOwn(store, { key: 'key', body: text('ours') })).toMatchObject({ won: false });
    expect(await readText(inner, 'key')).toBe('theirs');
  });

  test('leaves open what happened when no answer comes at all', async () => {
    const store = losingAnswers(new MemoryStore({ clock: systemClock }), 99);
    const alwaysLost = intercepted(store, async () => {
      throw new StoreError('transient', 'no answer');
    });
    await expect(putIfAbsentOwn(alwaysLost, { key: 'key', body: text('ours') })).rejects.toMatchObject({
      kind: 'transient',
    });
  });
});
