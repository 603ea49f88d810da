import { FORMAT_VERSION, runKeys } from '@runctl/protocol';
import { intercepted, MemoryStore, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { readLease } from './lease-document.ts';
import { leasePolicy } from './lease-machine.ts';
import { type LeaseErrand, whileHoldingLease } from './while-holding.ts';

const RUN = 'r-aaaaaaaaaa';
const keys = runKeys(RUN);

function world() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const errand = (owner: string): LeaseErrand => ({
    store,
    run: RUN,
    clock,
    policy: leasePolicy,
    owner,
    launch: 2,
    nodes: 1,
  });
  return { clock, store, errand };
}

test('holds the lease for as long as the work takes, and releases it', async () => {
  const { clock, store, errand } = world();
  const working = whileHoldingLease(errand('laptop:me'), async ({ generation, mayPublish }) => {
    await clock.sleep(300_000);
    expect(mayPublish()).toEqual({ generation });
    expect(await whileHoldingLease(errand('laptop:you'), async () => 'both')).toBeNull();
    return generation;
  });
  expect(await clock.runUntil(working, { limitMs: 400_000 })).toBe(1);
  const { document } = await readLease({ store, run: RUN, clock });
  expect(document).toMatchObject({ owner: 'laptop:me', launch: 2, generation: 1, released: true });
});

test('releases the lease of work that fails', async () => {
  const { errand } = world();
  const failing = whileHoldingLease(errand('laptop:me'), () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await whileHoldingLease(errand('laptop:you'), async ({ generation }) => generation)).toBe(2);
});

test('waits for the holder of a lease that is lost, and leaves it to one that writes it anew', async () => {
  const { clock, store, errand } = world();
  await store.put(keys.attempt(4, 0).started, Buffer.from('{}'));
  const took = whileHoldingLease(errand('laptop:me'), async ({ generation }) => generation);
  await clock.advance(59_000);
  expect((await readLease({ store, run: RUN, clock })).document).toBeNull();
  expect(await clock.runUntil(took)).toBe(5);
  await store.delete([keys.lease]);
  const refused = whileHoldingLease(errand('laptop:me'), async ({ generation }) => generation);
  await clock.advance(30_000);
  const document = {
    version: FORMAT_VERSION,
    generation: 5,
    launch: 2,
    nodes: 1,
    owner: 'i-1',
    nonce: 'n',
    renewal: 9,
  };
  await store.put(keys.lease, Buffer.from(JSON.stringify({ ...document, ttlMs: 60_000, released: false })));
  expect(await clock.runUntil(refused)).toBeNull();
});

test('asks a slow bucket again, and takes a try whose answer was lost for its own', async () => {
  const { clock, store, errand } = world();
  let puts = 0;
  const slow = intercepted(store, async ({ operation, signal }, perform) => {
    const answer = await perform();
    if (operation === 'put' && ++puts === 1) await clock.sleep(3_600_000, signal);
    if (operation === 'put' && puts === 3) throw new StoreError('transient', 'the answer to the release was lost');
    return answer;
  });
  const took = whileHoldingLease({ ...errand('laptop:me'), store: slow }, async ({ generation }) => generation);
  expect(await clock.runUntil(took, { limitMs: 120_000 })).toBe(1);
  expect((await readLease({ store, run: RUN, clock })).document).toMatchObject({ owner: 'laptop:me', released: true });
});

test('gives up on a bucket that never answers, and at once on one that refuses', async () => {
  const { clock, store, errand } = world();
  let calls = 0;
  const failing = (kind: 'transient' | 'denied') =>
    intercepted(store, () => {
      calls += 1;
      return Promise.reject(new StoreError(kind, 'no'));
    });
  const silent = whileHoldingLease({ ...errand('laptop:me'), store: failing('transient') }, async () => 'never');
  await expect(clock.runUntil(silent, { limitMs: 120_000 })).rejects.toMatchObject({ kind: 'transient' });
  expect(calls).toBe(4);
  const refused = whileHoldingLease({ ...errand('laptop:me'), store: failing('denied') }, async () => 'never');
  await expect(clock.runUntil(refused)).rejects.toMatchObject({ kind: 'denied' });
  expect(calls).toBe(5);
});
