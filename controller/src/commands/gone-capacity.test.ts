import { followRun } from '@runctl/operations/follow';
import type { CapacityRef } from '@runctl/provider';
import { MemoryProvider, type MemoryCloud } from '@runctl/provider/memory';
import { intercepted, StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };

const launched = async (world: CommandWorld) => {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  return (await world.launched()).run;
};

test('a stop ends machines that the provider has taken on and does not show yet', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await launched(world);
  world.machines.hideNew(3_600_000);
  expect(await world.run(['stop', 'mine'])).toMatchObject({ exitCode: 0 });
  expect(world.capacityStates()).toEqual(['ended']);
});

/** Says when it answers that a capacity makes nothing any more. */
class WatchedProvider extends MemoryProvider {
  readonly #onGone: () => void;

  constructor(cloud: MemoryCloud, onGone: () => void) {
    super(cloud);
    this.#onGone = onGone;
  }

  override async state(ref: CapacityRef) {
    const state = await super.state(ref);
    if (state.status !== 'active') this.#onGone();
    return state;
  }
}

test('who follows a run waits out a lost network also when its machines are gone', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  const run = await launched(world);
  await world.endsOutside(run);
  let failures = 0;
  let isOffline = false;
  const store = intercepted(world.store, (_call, perform) => {
    if (!isOffline) return perform();
    isOffline = false;
    failures += 1;
    return Promise.reject(new StoreError('transient', 'no network'));
  });
  const provider = new WatchedProvider(world.machines, () => (isOffline = true));
  const cloud = { store, provider, bucket: 'b', prefix: '', region: 'us-east-1', isLocal: false, close: () => {} };
  const { signal } = new AbortController();
  const following = followRun({ cloud, run, clock: world.clock, signal, withLog: false });
  const end = (async () => {
    for (;;) {
      const step = await following.next();
      if (step.done === true) return step.value;
    }
  })();
  expect(await world.clock.play(end)).toBeNull();
  expect(failures).toBe(1);
});
