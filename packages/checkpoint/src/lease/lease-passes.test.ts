import {
  decodeDocument,
  encodeDocument,
  FORMAT_VERSION,
  latestPointer,
  leaseDocument,
  runKeys,
} from '@runctl/protocol';
import { type Around, intercepted, MemoryStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { isLeaseHeld, type LeaseAccess, readLease } from './lease-document.ts';
import type { HeldLease } from './lease-machine.ts';
import { type LeaseClaim, type OwnLease, releaseLease, renewLease, tryAcquireLease } from './lease-passes.ts';

const RUN = 'r-aaaaaaaaaa';
const keys = runKeys(RUN);
const key = keys.lease;

function world() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  return { clock, store, place: { store, run: RUN, clock } satisfies LeaseAccess };
}

const claim = (owner: string, more: Partial<LeaseClaim> = {}): LeaseClaim => ({
  owner,
  nonce: `nonce of ${owner}`,
  launch: 1,
  nodes: 1,
  ttlMs: 60_000,
  ...more,
});

async function acquired(place: LeaseAccess, by: LeaseClaim): Promise<HeldLease> {
  const outcome = await tryAcquireLease(place, by);
  if (outcome.type !== 'acquired') throw new Error(`refused: held by ${outcome.holder?.owner}`);
  return outcome.lease;
}

async function namedLease(access: LeaseAccess) {
  const found = await readLease(access);
  if (found.document === null) throw new Error('the lease is lost');
  return found;
}

const isHeld = async (access: LeaseAccess): Promise<boolean> => isLeaseHeld(await namedLease(access));

/** A lease that was acquired, with what its holder says of itself. */
const own = (lease: HeldLease): OwnLease => ({ lease, claim: claim('a') });

/** The same place, where the answers to the first puts are lost. */
function losing(place: LeaseAccess, count: number): LeaseAccess {
  let left = count;
  const around: Around = async (call, perform) => {
    const result = await perform();
    if (call.operation === 'put' && left-- > 0) throw new StoreError('transient', 'the answer was lost');
    return result;
  };
  return { ...place, store: intercepted(place.store, around) };
}

describe('taking the lease', () => {
  test('begins with generation 1', async () => {
    expect((await acquired(world().place, claim('a'))).generation).toBe(1);
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
    const elsewhere = { store, run: RUN, clock: new FakeClock(0) };
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
    await releaseLease(place, own(await acquired(place, claim('a'))));
    expect(await isHeld(place)).toBe(false);
    expect((await acquired(place, claim('a'))).generation).toBe(2);
  });

  test('goes to one of many that want it at once', async () => {
    const { place } = world();
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((owner) => tryAcquireLease(place, claim(owner))));
    expect(outcomes.filter((outcome) => outcome.type === 'acquired')).toHaveLength(1);
    const { document } = await namedLease(place);
    expect(outcomes.filter((outcome) => outcome.type === 'refused').map((outcome) => outcome.holder?.owner)).toEqual([
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
    const seen = await namedLease(place);
    expect(isLeaseHeld(seen)).toBe(false);
    await renewLease(place, own(lease));
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
    const renewed = await renewLease({ ...place, store: intercepted(place.store, slow) }, own(lease));
    expect(renewed).toMatchObject({ type: 'renewed', sentAtMs: 5000 });
  });

  test('builds upon its own renewals whose answers were lost', async () => {
    const { place } = world();
    const lease = await acquired(place, claim('a'));
    await expect(renewLease(losing(place, 1), own(lease))).rejects.toMatchObject({ kind: 'transient' });
    expect(await renewLease(place, own(lease))).toMatchObject({ type: 'renewed', lease: { generation: 1 } });
  });

  test('goes on with nothing but the nonce', async () => {
    const { place } = world();
    const { generation, nonce } = await acquired(place, claim('a'));
    expect(await renewLease(place, own({ generation, nonce, written: null }))).toMatchObject({ type: 'renewed' });
  });

  test('is fenced by another holder, and by its own release', async () => {
    const { place, clock } = world();
    const lease = await acquired(place, claim('a'));
    await clock.advance(61_000);
    const other = await acquired(place, claim('b'));
    const by = { owner: 'b', generation: 2 };
    expect(await renewLease(place, own(lease))).toEqual({ type: 'fenced', by });
    expect(await renewLease(place, own({ ...lease, written: null }))).toEqual({ type: 'fenced', by });
    await releaseLease(place, own(other));
    expect(await renewLease(place, own(other))).toMatchObject({ type: 'fenced' });
  });

  test('releases over its own lost renewal, and leaves a lease alone that is not its own', async () => {
    const { place, clock, store } = world();
    const lease = await acquired(place, claim('a'));
    await expect(renewLease(losing(place, 1), own(lease))).rejects.toThrow();
    await releaseLease(place, own(lease));
    expect((await namedLease(place)).document.released).toBe(true);
    await clock.advance(1000);
    const other = await acquired(place, claim('b'));
    await releaseLease(place, own(lease));
    await releaseLease(place, own({ ...lease, written: null }));
    const document = decodeDocument(leaseDocument, await readBytes(store, key), key);
    expect(document).toEqual(other.written?.document);
  });
});

const DAMAGES = [
  { what: 'deleted', harm: (store: MemoryStore) => store.delete([key]) },
  { what: 'emptied', harm: (store: MemoryStore) => store.put(key, Buffer.alloc(0)) },
  { what: 'cut off', harm: (store: MemoryStore) => store.put(key, Buffer.from('{"version":1,"gener')) },
  {
    what: 'made another document',
    harm: (store: MemoryStore) => store.put(key, Buffer.from(`{"version":${FORMAT_VERSION}}\n`)),
  },
];

const shows = (store: MemoryStore, shownKey: string) => store.put(shownKey, Buffer.from('{}'));

describe.each(DAMAGES)('a lease that was $what', ({ harm }) => {
  test('is written anew by its holder, under the same generation', async () => {
    const { place, store } = world();
    const lease = await acquired(place, claim('a'));
    await shows(store, keys.attempt(1, 0).started);
    await harm(store);
    const renewed = await renewLease(place, own(lease));
    expect(renewed).toMatchObject({ type: 'renewed', lease: { generation: 1 } });
    expect((await namedLease(place)).document).toMatchObject({ owner: 'a', generation: 1, released: false });
    await harm(store);
    await renewLease(place, own({ ...lease, written: null }));
    expect(await tryAcquireLease(place, claim('b'), { lostForMs: 99_000 })).toMatchObject({ type: 'refused' });
  });

  test('is written anew by a holder that was cut off for too long only once it was lost for as long', async () => {
    const { place, store, clock } = world();
    const lease = await acquired(place, claim('a'));
    await shows(store, keys.attempt(1, 0).started);
    await clock.advance(61_000);
    // It shows nothing in its folders yet.
    await acquired(place, claim('b'));
    await harm(store);
    const refused = { type: 'refused', holder: null };
    for (const holder of [lease, { ...lease, written: null }]) {
      const loss = { lostForMs: 59_999, sinceWrittenMs: 60_001 };
      expect(await renewLease(place, own(holder), { loss })).toEqual(refused);
      await releaseLease(place, own(holder), { loss });
      expect((await readLease(place)).document).toBeNull();
    }
    const inTime = { lostForMs: 0, sinceWrittenMs: 60_000 };
    expect(await renewLease(place, own(lease), { loss: inTime })).toMatchObject({ type: 'renewed' });
    await harm(store);
    const lostLong = { lostForMs: 60_000, sinceWrittenMs: Infinity };
    expect(await renewLease(place, own(lease), { loss: lostLong })).toMatchObject({ type: 'renewed' });
  });

  test('is released by its holder all the same', async () => {
    const { place, store } = world();
    const lease = await acquired(place, claim('a'));
    await shows(store, keys.attempt(1, 0).started);
    await harm(store);
    await releaseLease(place, own(lease));
    expect(await isHeld(place)).toBe(false);
    expect((await acquired(place, claim('b'))).generation).toBe(2);
  });

  test('fences a holder in whose run a higher generation shows', async () => {
    const { place, store } = world();
    const lease = await acquired(place, claim('a'));
    await shows(store, keys.attempt(2, 0).started);
    await harm(store);
    expect(await renewLease(place, own(lease))).toEqual({ type: 'fenced', by: null });
    await releaseLease(place, own(lease));
    expect((await readLease(place)).document).toBeNull();
  });

  test('is taken by another only once it was lost for as long as its holder may publish', async () => {
    const { place, store } = world();
    await acquired(place, claim('a'));
    await shows(store, keys.attempt(1, 0).started);
    await harm(store);
    expect(await tryAcquireLease(place, claim('b'))).toEqual({ type: 'refused', holder: null });
    expect(await tryAcquireLease(place, claim('b'), { lostForMs: 59_999 })).toEqual({ type: 'refused', holder: null });
    expect(await tryAcquireLease(place, claim('b'), { lostForMs: 60_000 })).toMatchObject({
      type: 'acquired',
      lease: { generation: 2 },
    });
  });
});

test('an old version that was put back is no right for the machine that wrote it', async () => {
  const { place, store, clock } = world();
  const lease = await acquired(place, claim('a'));
  const old = await readBytes(store, key);
  await clock.advance(61_000);
  await acquired(place, claim('b'));
  await shows(store, keys.attempt(2, 0).started);
  await store.put(key, old);
  expect(await renewLease(place, own({ ...lease, written: null }))).toEqual({ type: 'fenced', by: null });
  expect(await tryAcquireLease(place, claim('a'))).toMatchObject({ type: 'refused' });
  await clock.advance(61_000);
  expect((await acquired(place, claim('a'))).generation).toBe(3);
});

test.each([
  ['an attempt', keys.attempt(41, 0).status],
  ['a manifest', keys.manifest({ generation: 41, seq: 3 })],
  ['bytes of a checkpoint', `${keys.dataFolder({ generation: 41, seq: 1 }, 'abc')}model.pt`],
  ['a round of several machines', keys.shard({ generation: 41, seq: 1 }, 'abc', 2)],
  ['a log', keys.logChunk(41, 0, 0)],
])('begins above a generation of which only %s is left', async (_what, shownKey) => {
  const { place, store } = world();
  await shows(store, keys.attempt(7, 0).started);
  await shows(store, shownKey);
  expect(await tryAcquireLease(place, claim('a'), { lostForMs: 60_000 })).toMatchObject({ lease: { generation: 42 } });
});

test('begins above the generation of the pointer, and above what the run shows where an old lease was put back', async () => {
  const { place, store } = world();
  await releaseLease(place, own(await acquired(place, claim('a'))));
  const pointer = { manifest: keys.manifest({ generation: 6, seq: 1 }), generation: 6, seq: 1, step: null };
  const rest = { version: FORMAT_VERSION, at: '2026-01-01T00:00:00.000Z', nonce: 'n', fellBackFromStep: null } as const;
  await store.put(keys.latest, encodeDocument(latestPointer, { ...pointer, ...rest }));
  expect((await acquired(place, claim('b'))).generation).toBe(7);
});
