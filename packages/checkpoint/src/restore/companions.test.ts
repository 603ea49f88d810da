import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDocument, encodeDocument, type Manifest, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { expect, test } from 'vitest';
import { openWorld, RUN, type World, zipOf } from '../testing/test-world.ts';

const keyOf = (seq: number): string => runKeys(RUN).manifest({ generation: 1, seq });

async function manifestOf(world: World, seq: number): Promise<Manifest> {
  return decodeDocument(manifestSchema, await readBytes(world.store, keyOf(seq)), keyOf(seq));
}

/** Steps 10, 20 and 30 are durable, and the third names these as companions. */
async function publishedWorld(companions: readonly string[]): Promise<World> {
  const world = await openWorld();
  const publisher = world.publisher();
  for (const step of [10, 20, 30]) {
    await world.write(`step_${step}.pt`, zipOf(`weights ${step}`));
    await world.write('notes.txt', `at ${step}`);
    await world.settleAndPass(publisher);
    await world.clock.advance(60_000);
  }
  const latest = await manifestOf(world, 3);
  await world.store.put(keyOf(3), encodeDocument(manifestSchema, { ...latest, companions: [...companions] }));
  await rm(world.folder, { recursive: true });
  return world;
}

test('files of the earlier checkpoints that a manifest names come back with the time of their own save', async () => {
  await using world = await publishedWorld([keyOf(1), keyOf(2)]);
  const earlier = await manifestOf(world, 1);
  const restored = await world.restore();
  expect(restored).toMatchObject({ manifest: { step: 30 }, companions: [{ step: 10 }, { step: 20 }], warnings: [] });
  expect((await readdir(world.folder)).sort()).toEqual(['notes.txt', 'step_10.pt', 'step_20.pt', 'step_30.pt']);
  expect((await stat(join(world.folder, 'step_10.pt'))).mtimeMs).toBe(Date.parse(earlier.savedAt));
});

test('a companion whose bytes are gone is left out with a warning, and the checkpoint is taken all the same', async () => {
  await using world = await publishedWorld([keyOf(1), keyOf(2)]);
  const { files } = await manifestOf(world, 1);
  await world.store.delete(files.map(({ key }) => key));
  const restored = await world.restore();
  expect(restored?.manifest.step).toBe(30);
  expect(restored?.warnings).toEqual([expect.stringContaining('what the script kept of step 10 is not restored')]);
  expect((await readdir(world.folder)).sort()).toEqual(['notes.txt', 'step_20.pt', 'step_30.pt']);
});

test('a companion that is missing, later or not this run’s is named and passed over', async () => {
  const foreign = runKeys('r-zzzzzzzzzz').manifest({ generation: 1, seq: 1 });
  await using world = await publishedWorld([keyOf(2), keyOf(9), foreign, 'nonsense']);
  const restored = await world.restore();
  expect(restored?.companions.map(({ step }) => step)).toEqual([20]);
  expect(restored?.warnings).toHaveLength(3);
});

test('pruning keeps a manifest that a kept one names, and no other', async () => {
  await using world = await publishedWorld([keyOf(1)]);
  const publisher = world.publisher({ keep: { last: 0, everySteps: null, best: null } });
  await world.restore();
  await world.clock.advance(2 * 3_600_000);
  const before = await world.keys(runKeys(RUN).manifestsFolder);
  await world.write('step_40.pt', zipOf('weights 40'));
  await world.settleAndPass(publisher);
  await world.clock.advance(2 * 3_600_000);
  await world.write('step_50.pt', zipOf('weights 50'));
  await world.settleAndPass(publisher);
  expect(before).toHaveLength(3);
  expect(await world.keys(runKeys(RUN).manifestsFolder)).toEqual([keyOf(1), keyOf(3), keyOf(4), keyOf(5)]);
});
