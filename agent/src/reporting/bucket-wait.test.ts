import { FakeClock, recordingLog } from '@runctl/testkit';
import { MemoryStore, StoreError, intercepted } from '@runctl/store';
import { expect, test } from 'vitest';
import { BucketTraffic } from './bucket-traffic.ts';
import { showBucketWait, waitText } from './bucket-wait.ts';

const away = new StoreError('transient', 'connect ECONNREFUSED');

test('a wait for the bucket is shown with its length, its cost and its reason, and is gone with the first answer', async () => {
  const clock = new FakeClock();
  const log = recordingLog();
  const over = new AbortController();
  let trouble: unknown = null;
  let doing = '';
  const showing = showBucketWait(
    {
      clock,
      log,
      life: { enter: (_phase, text) => (doing = text) },
      doing: 'saving',
      trouble: () => trouble,
      pricePerHourUsd: 0.36,
      everyMs: 15_000,
    },
    over.signal,
  );
  await clock.advance(15_000);
  expect(doing).toBe('saving');
  trouble = away;
  await clock.advance(12 * 60_000 + 15_000);
  expect(doing).toBe('waiting for the bucket for 12m ($0.07 so far): connect ECONNREFUSED');
  expect(log.lines.map(({ message }) => message)).toEqual([
    'waiting for the bucket for 1m ($0.0060 so far): connect ECONNREFUSED',
    'waiting for the bucket for 2m ($0.01 so far): connect ECONNREFUSED',
    'waiting for the bucket for 4m ($0.02 so far): connect ECONNREFUSED',
    'waiting for the bucket for 8m ($0.05 so far): connect ECONNREFUSED',
  ]);
  trouble = null;
  await clock.advance(15_000);
  expect(doing).toBe('saving');
  over.abort();
  await showing;
});

test('where the price is not known, none is shown', () => {
  expect(waitText(90_000, null, away)).toBe('waiting for the bucket for 1m 30s: connect ECONNREFUSED');
});

test('writes that the bucket took count as traffic, and refused ones and reads do not', async () => {
  const traffic = new BucketTraffic();
  let isAway = false;
  const bucket = intercepted(new MemoryStore({ clock: new FakeClock() }), (_call, perform) => {
    if (isAway) throw away;
    return perform();
  });
  const store = traffic.through(bucket);
  await store.put('a', new Uint8Array(3));
  await store.head('a');
  expect(traffic).toMatchObject({ writes: 1, trouble: null });
  isAway = true;
  await expect(store.put('b', new Uint8Array(3))).rejects.toBe(away);
  expect(traffic).toMatchObject({ writes: 1, trouble: away });
  isAway = false;
  await expect(store.get('b')).rejects.toMatchObject({ kind: 'missing' });
  await store.head('a');
  expect(traffic).toMatchObject({ writes: 1, trouble: null });
});
