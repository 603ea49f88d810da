import { encodeDocument, FORMAT_VERSION, leaseDocument, type LeaseDocument, runKeys } from '@runctl/protocol';
import { MemoryStore } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { LeaseLook } from './lease-look.ts';
import type { LeaseIdentity } from './lease-memory.ts';

const RUN = 'r-aaaaaaaaaa';
const theirs: LeaseDocument = {
  version: FORMAT_VERSION,
  generation: 2,
  launch: 1,
  nodes: 1,
  owner: 'i-2',
  nonce: 'theirs',
  renewal: 7,
  ttlMs: 60_000,
  released: false,
};

interface Look {
  readonly found?: Partial<LeaseDocument> | Uint8Array | null;
  readonly ageMs?: number;
  readonly own?: number | null;
  readonly remembered?: LeaseIdentity | Error | null;
}

async function lookOf({ found = {}, ageMs = 1000, remembered = null }: Look): Promise<LeaseLook> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const bytes = found instanceof Uint8Array ? found : encodeDocument(leaseDocument, { ...theirs, ...found });
  if (found !== null) await store.put(runKeys(RUN).lease, bytes);
  await clock.advance(ageMs);
  const memory = {
    load: async () => {
      if (remembered instanceof Error) throw remembered;
      return remembered;
    },
  };
  return new LeaseLook({ store, run: RUN, launch: 1, clock, memory });
}

async function lookAt({ own = null, ...look }: Look): Promise<string | null> {
  return (await (await lookOf(look)).otherHolder(own))?.owner ?? null;
}

const mine = { nonce: 'mine', generation: 1 };

test.each<[what: string, look: Look]>([
  ['holds it, for a machine that never held it', {}],
  ['holds it, for a machine whose disk can not be read', { remembered: new Error('EIO') }],
  ['holds it, for a machine that asked and was refused', { remembered: { nonce: 'mine', generation: null } }],
  ['renewed it right before it runs out', { ageMs: 60_000 }],
  ['holds it after this one', { own: 1, remembered: mine }],
  ['had it after this one and ran out', { own: 1, remembered: mine, ageMs: 600_000 }],
  ['had it after this one and released it', { own: 1, remembered: mine, found: { released: true } }],
])('another machine of the launch counts that %s', async (_what, look) => {
  expect(await lookAt(look)).toBe('i-2');
});

test.each<[what: string, look: Look]>([
  ['there is no lease', { found: null }],
  ['the lease is damaged', { found: Buffer.from('{"version":2,') }],
  ['it has run out', { ageMs: 62_000 }],
  ['it was released', { found: { released: true } }],
  ['it is of another launch, whose end is another one', { found: { launch: 2 } }],
  ['it is of another launch and came after this one', { found: { launch: 2 }, own: 1, remembered: mine }],
  ['it is its own from before a restart', { found: { nonce: 'mine' }, remembered: mine }],
  [
    'it is its own in a generation that a full disk did not take',
    { found: { nonce: 'mine' }, own: 1, remembered: mine },
  ],
  ['it is its own, and the disk can not be read', { own: 2, remembered: new Error('EIO') }],
  ['somebody has put an older one back', { own: 3, remembered: { nonce: 'mine', generation: 3 } }],
  ['only a newer build can read it, which is not of this launch', { found: Buffer.from('{"version":99}') }],
])('no other machine counts where %s', async (_what, look) => {
  expect(await lookAt(look)).toBeNull();
});

test('the generation that was held last is what the disk tells, and none where it can not', async () => {
  const heldLast = async (remembered: Look['remembered']) =>
    (await lookOf({ remembered: remembered ?? null })).heldLast();
  expect(await heldLast(mine)).toBe(1);
  expect(await heldLast({ nonce: 'mine', generation: null })).toBeNull();
  expect(await heldLast(null)).toBeNull();
  expect(await heldLast(new Error('EIO'))).toBeNull();
});
