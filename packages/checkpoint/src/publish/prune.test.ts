import { parseDataKey, runKeys } from '@runctl/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { never, openWorld, RUN, type World } from '../test-world.ts';
import type { Publishing } from './commit.ts';
import { planPrune } from './plan.ts';
import { cleanUpOlderGenerations, prune } from './prune.ts';

const HOUR_MS = 3_600_000;

function holderOf(world: World, generation: number, holds = true): Publishing {
  const mayPublish = () => (holds ? { generation } : null);
  return { store: world.store, run: RUN, clock: world.clock, signal: never, generation, mayPublish };
}

async function publishSteps(world: World, steps: readonly number[], generation = 1): Promise<void> {
  const publisher = world.publisher({ mayPublish: () => ({ generation }) });
  for (const step of steps) {
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await world.settleAndPass(publisher);
  }
}

const seqsIn = (keys: readonly string[]): number[] => keys.map((key) => Number(/-(\d+)\.json$/.exec(key)?.[1]));

test('keeps the latest and the ones before it, and deletes older ones an hour after they were superseded', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3, 4, 5, 6]);
  expect((await prune(holderOf(world, 1), 3)).manifests).toEqual([]);
  await world.clock.advance(HOUR_MS + 60_000);
  expect(seqsIn((await prune(holderOf(world, 1), 3)).manifests)).toEqual([1, 2]);
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([3, 4, 5, 6]);
  const data = (await world.keys(runKeys(RUN).dataRoot)).map((key) => parseDataKey(key)?.seq);
  expect(data).toEqual([3, 4, 5, 6]);
});

test('prunes by itself after a commit', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3]);
  await world.clock.advance(HOUR_MS + 60_000);
  const publisher = world.publisher({ keep: 1 });
  await world.write('checkpoint-4/model.bin', 'weights of 4');
  await world.settleAndPass(publisher);
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([3, 4]);
});

test('deletes a manifest before its data, and stops when the lease is gone', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3, 4, 5, 6]);
  await world.clock.advance(HOUR_MS + 60_000);
  await expect(prune(holderOf(world, 1, false), 1)).rejects.toMatchObject({ reason: 'not-holder' });
  expect(await world.keys(runKeys(RUN).manifestsFolder)).toHaveLength(6);
});

test('deletes what an upload that was given up has left, once it is an hour old', async () => {
  await using world = await openWorld();
  const orphan = `${runKeys(RUN).dataFolder({ generation: 1, seq: 1 }, 'aaaaaaaaaaaaaaaa')}model.bin`;
  await world.store.put(orphan, Buffer.from('given up'));
  await publishSteps(world, [1]);
  expect(await world.pointer()).toMatchObject({ seq: 2 });
  await prune(holderOf(world, 1), 3);
  expect(await world.keys(runKeys(RUN).dataRoot)).toHaveLength(2);
  await world.clock.advance(HOUR_MS + 60_000);
  expect((await prune(holderOf(world, 1), 3)).orphans).toHaveLength(1);
  expect(await world.keys(runKeys(RUN).dataRoot)).toHaveLength(1);
});

test('a new holder removes what older generations left unfinished, and nothing that counts', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1]);
  const unfinished = runKeys(RUN).dataFolder({ generation: 1, seq: 2 }, 'aaaaaaaaaaaaaaaa');
  const own = runKeys(RUN).dataFolder({ generation: 2, seq: 1 }, 'bbbbbbbbbbbbbbbb');
  await world.store.put(`${unfinished}a.bin`, Buffer.from('orphan'));
  await world.store.createMultipart(`${unfinished}b.bin`);
  await world.store.createMultipart(`${own}c.bin`);
  const report = await cleanUpOlderGenerations(holderOf(world, 2));
  expect(report).toEqual({ orphans: [unfinished], abortedUploads: [`${unfinished}b.bin`] });
  expect(await world.restore()).toMatchObject({ manifest: { step: 1 } });
  const uploads: string[] = [];
  for await (const upload of world.store.listMultipart({ prefix: 'runs/' })) uploads.push(upload.key);
  expect(uploads).toEqual([`${own}c.bin`]);
});

test('a plan never names the latest, what it keeps, what follows the latest, or what was superseded just now', () => {
  const orders = fc.uniqueArray(
    fc.record({ generation: fc.integer({ min: 1, max: 3 }), seq: fc.integer({ min: 1, max: 9 }) }),
    {
      selector: (order) => `${order.generation}-${order.seq}`,
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(orders, fc.nat(20), fc.nat(4), fc.nat(20), (given, latestIndex, keep, nowHours) => {
      const stored = given
        .toSorted((a, b) => a.generation - b.generation || a.seq - b.seq)
        .map((order, index) => ({ ...order, key: runKeys(RUN).manifest(order), lastModifiedMs: index * HOUR_MS }));
      const latest = latestIndex % stored.length;
      const chain = stored
        .slice(0, latest + 1)
        .toReversed()
        .map((manifest) => manifest.key);
      const policy = { keep, graceMs: HOUR_MS, nowMs: nowHours * HOUR_MS };
      const doomed = planPrune(stored, chain, policy);
      for (const manifest of doomed) {
        const index = stored.indexOf(manifest);
        expect(index).toBeLessThan(latest - keep);
        expect(policy.nowMs - Number(stored[index + 1]?.lastModifiedMs)).toBeGreaterThan(HOUR_MS);
      }
      const expected = stored.filter(
        (_, index) => index < latest - keep && policy.nowMs - (index + 1) * HOUR_MS > HOUR_MS,
      );
      expect(doomed).toEqual(expected);
    }),
  );
});
