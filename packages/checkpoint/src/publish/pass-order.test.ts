import { intercepted, MemoryStore, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { never, openWorld, type World } from '../testing/test-world.ts';

/** Two complete checkpoints, of which none is durable. */
async function twoCheckpoints(world: World): Promise<void> {
  await world.write('checkpoint-100/model.bin', 'older');
  await world.write('checkpoint-200/model.bin', 'newer');
}

test('a pass considers nothing that is older than what it has published', async () => {
  await using world = await openWorld();
  await twoCheckpoints(world);
  const report = await world.settleAndPass(world.publisher());
  expect(report.published).toMatchObject({ step: 200 });
  expect(report.candidates).toMatchObject([{ entry: 'checkpoint-200', complete: true }]);
});

test('a pass ends with the candidate whose publishing failed, which the next one begins with', async () => {
  const clock = new FakeClock();
  let isBroken = true;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (isBroken && call.key?.includes('/data/') === true) throw new StoreError('transient', 'connection reset');
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await twoCheckpoints(world);
  const publisher = world.publisher();
  const failed = await world.settleAndPass(publisher);
  expect(failed).toMatchObject({ published: null, error: { message: 'connection reset' } });
  expect(failed.candidates).toMatchObject([{ entry: 'checkpoint-200', why: 'not durable: connection reset' }]);
  expect(failed.notDurable).toEqual(['checkpoint-200 (step 200): connection reset']);
  isBroken = false;
  expect((await publisher.pass({ signal: never })).published).toMatchObject({ step: 200 });
});
