import { fileLeaseMemory } from '@runctl/checkpoint';
import { encodeDocument, FORMAT_VERSION, leaseDocument, type LeaseDocument } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { RunWorld } from '../testing/run-world.ts';

/** A launch whose lease another machine has, as `lease` tells. */
async function heldElsewhere(lease: Partial<LeaseDocument> = {}): Promise<RunWorld> {
  const world = await RunWorld.launch({ script: 'counter.py', args: ['2', '0.01'] });
  const held: LeaseDocument = {
    version: FORMAT_VERSION,
    generation: 2,
    launch: 1,
    nodes: 1,
    owner: 'i-2',
    nonce: 'theirs',
    renewal: 1,
    ttlMs: 600_000,
    released: false,
    ...lease,
  };
  await world.memory.put(world.keys.lease, encodeDocument(leaseDocument, held));
  return world;
}

/** How this machine comes to its end without a lease of its own. */
const ends: Readonly<Record<string, (world: RunWorld) => unknown>> = {
  'finds other documents than the laptop wrote': ({ keys, memory }) => memory.delete([keys.spec]),
  'can not begin in time': ({ fleet }) => (fleet.uselessMs = 0),
  'may not end its launch': ({ fleet }) => (fleet.mayDelete = false),
};

test.concurrent.each(Object.entries(ends))(
  'a machine that %s ends nothing but itself while another one trains',
  async (_how, breakIt) => {
    await using world = await heldElsewhere();
    await breakIt(world);
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toBeNull();
    expect(world.fleet.deletions).toBe(0);
    expect(machine.power.offs).toBe(1);
  },
);

test.concurrent.each<[what: string, lease: Partial<LeaseDocument>, own: string | null]>([
  ['has released the lease', { released: true }, null],
  ['is this one, before its agent was restarted', {}, 'theirs'],
  ['is of a later launch', { launch: 2 }, null],
])('a machine that can do nothing ends its launch where the last holder %s', async (_what, lease, own) => {
  await using world = await heldElsewhere(lease);
  await world.memory.delete([world.keys.spec]);
  const machine = await world.machine('i-1');
  if (own !== null) await fileLeaseMemory(machine.paths.lease).save({ nonce: own, generation: 2 });
  await machine.start();
  expect(await world.outcome()).toMatchObject({ status: 'failed', cause: 'boot-failed' });
  expect(world.fleet.deletions).toBe(1);
});
