import { decodeDocument, encodeDocument, leaseDocument } from '@runctl/protocol';
import { type Around, intercepted, MemoryStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import type { HeldLease } from './lease-machine.ts';
import {
  isLeaseFree,
  type LeaseClaim,
  type LeasePlace,
  readLease,
  releaseLease,
  renewLease,
  tryAcquireLease,
} from './lease-passes.ts';

const key = 'runs/r-aaaaaaaaaa/lease.json';

function world() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  return { clock, store, place: { store, key, clock } satisfies LeasePlace };
}

const claim = (owner: string, more: Partial<LeaseClaim> = {}): LeaseClaim => ({
  owner,
  nonce: `nonce of ${owner}`,
  launch: 1,
  nodes: 1,
  ttlMs: 60_000,
  ...more,
});

async function acquired(place: LeasePlace, by: LeaseClaim): Promise<HeldLease> {
  const outcome = await tryAcquireLease(place, by);
  if (outcome.type !== 'acquired') throw new Error(`refused: held by ${outcome.holder.owner}`);
  return outcome.lease;
}

/** The same place, where the answers to the first puts are lost. */
function losing(place: LeasePlace, count: number): LeasePlace {
  let left = count;
  const around: Around = async (call, perform) => {
    const result = await perform();
    if (call.operation === 'put' && left-- > 0) throw new StoreError('transient', 'the answer was lost');
    return result;
  };
  return { ...place, store: intercepted(place.store, around) };
}

describe('taking the lease', () => {
  test('begins with generation 1, or above what is known to have been', async () => {
    expect((await acquired(world().place, claim('a'))).generation).toBe(1);
    expect((await acquired(world().place, claim('a', { lastGeneration: 6 }))).generation).toBe(7);
  });

  test('is refused while another holds it, and granted a moment after its time is over', async () => {
    const { place, clock } = world();
    await acquired(place, claim('a'));
    await clock.advance(60_000);
    expect(await tryAcquireLease(place, claim('b'))).toEqual({
      type: 'refused',
      holder: { owner: 'a', generation: 1 },
    });
    await clock.advance(1000);
    expect((await acquired(place, claim('b'))).generation).toBe(2);
  });

  test("goes by the store's clock, whatever this machine's says", async () => {
    const { place, clock, store } = world();
    await acquired(place, claim('a'));
    clock.stepWall(3_600_000);
    const elsewhere = { store, key, clock: new FakeClock(0) };
    expect(await tryAcquireLease(elsewhere, claim('b'))).toMatchObject({ type: 'acquired', lease: { generation: 2 } });
  });

  test('keeps the generation of a machine whose nonce it is, however late it comes back', async () => {
    const { place, clock } = world();
    await acquired(place, claim('a'));
    await clock.advance(600_000);
    expect((await acquired(place, claim('a'))).generation).toBe(1);
  });

  test('counts a release as an end, also for the machine that released', async () => {
    const { place } = world();
    await releaseLease(place, await acquired(place, claim('a')));
    expect(isLeaseFree((await readLease(place))!)).toBe(true);
    expect((await acquired(place, claim('a'))).generation).toBe(2);
  });

  test('goes to one of many that want it at once', async () => {
    const { place } = world();
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((owner) => tryAcquireLease(place, claim(owner))));
    expect(outcomes.filter((outcome) => outcome.type === 'acquired')).toHaveLength(1);
    const { document } = (await readLease(place))!;
    expect(outcomes.filter((outcome) => outcome.type === 'refused').map((outcome) => outcome.holder.owner)).toEqual([
      document.owner,
      document.owner,
      document.owner,
    ]);
  });

  test('finds its own try that took effect though its answer was lost', async () => {
    const { place } = world();
    await expect(tryAcquireLease(losing(place, 1), claim('a'))).rejects.toMatchObject({ kind: 'transient' });
    expect((await acquired(place, claim('a'))).generation).toBe(1);
  });

  test('refuses to guess about a lease that a newer runctl wrote', async () => {
    const { place, store } = world();
    await store.put(key, Buffer.from('{"version":99}'));
    await expect(tryAcquireLease(place, claim('a'))).rejects.toMatchObject({ code: 'newer-format' });
  });
});

describe('renewing and releasing', () => {
  test('changes the bytes, so that whoever read the lease before can no longer take it', async () => {
    const { place, store, clock } = world();
    const lease = await acquired(place, claim('a'));
    await clock.advance(61_000);
    const seen = (await readLease(place))!;
    expect(isLeaseFree(seen)).toBe(true);
    await renewLease(place, lease);
    const theirs = encodeDocument(leaseDocument, { ...seen.document, owner: 'b', nonce: 'b', generation: 2 });
    await expect(store.put(key, theirs, { when: { etag: seen.etag } })).rejects.toMatchObject({ kind: 'precondition' });
  });

  test('tells when the renewal was sent', async () => {
    const { place, clock } = world();
    const lease = await acquired(place, claim('a'));
    await clock.advance(5000);
    const slow: Around = async (call, perform) => {
      if (call.operation === 'put') await clock.advance(7000);
      return perform();
    };
    const renewed = await renewLease({ ...place, store: intercepted(place.store, slow) }, lease);
    expect(renewed).toMatchObject({ type: 'renewed', sentAtMs: 5000 });
  });

  test('builds upon its own renewals whose answers were lost', async () => {
    const { place } = world();
    const lease = await acquired(place, claim('a'));
    await expect(renewLease(losing(place, 1), lease)).rejects.toMatchObject({ kind: 'transient' });
    expect(await renewLease(place, lease)).toMatchObject({ type: 'renewed', lease: { generation: 1 } });
  });

  test('goes on with nothing but the nonce', async () => {
    const { place } = world();
    const { generation, nonce } = await acquired(place, claim('a'));
    expect(await renewLease(place, { generation, nonce, written: null })).toMatchObject({ type: 'renewed' });
  });

  test('is fenced by another holder, by its own release, and by a lease that is gone', async () => {
    const { place, clock, store } = world();
    const lease = await acquired(place, claim('a'));
    await clock.advance(61_000);
    const other = await acquired(place, claim('b'));
    const by = { owner: 'b', generation: 2 };
    expect(await renewLease(place, lease)).toEqual({ type: 'fenced', by });
    expect(await renewLease(place, { ...lease, written: null })).toEqual({ type: 'fenced', by });
    await releaseLease(place, other);
    expect(await renewLease(place, other)).toMatchObject({ type: 'fenced' });
    await store.delete([key]);
    expect(await renewLease(place, other)).toEqual({ type: 'fenced', by: null });
  });

  test('releases over its own lost renewal, and leaves a lease alone that is not its own', async () => {
    const { place, clock, store } = world();
    const lease = await acquired(place, claim('a'));
    await expect(renewLease(losing(place, 1), lease)).rejects.toThrow();
    await releaseLease(place, lease);
    expect((await readLease(place))?.document.released).toBe(true);
    await clock.advance(1000);
    const other = await acquired(place, claim('b'));
    await releaseLease(place, lease);
    await releaseLease(place, { ...lease, written: null });
    const document = decodeDocument(leaseDocument, await readBytes(store, key), key);
    expect(document).toEqual(other.written?.document);
  });
});
