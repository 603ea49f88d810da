import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultRetention, parseDataKey, type RetentionPolicy, runKeys } from '@runctl/protocol';
import { silentLog } from '@runctl/core';
import { expect, test } from 'vitest';
import { whileReading } from './reading-marks.ts';
import { never, openWorld, RUN, type World } from '../testing/test-world.ts';
import type { Publishing } from './commit.ts';
import type { PublisherOptions } from '../contract/publisher-port.ts';
import { cleanUpOlderGenerations, prune, type PruneOptions } from './prune.ts';

const HOUR_MS = 3_600_000;

function holderOf(world: World, generation: number, holds = true): Publishing {
  const mayPublish = () => (holds ? { generation } : null);
  return { store: world.store, run: RUN, clock: world.clock, signal: never, generation, mayPublish };
}

const keeping = (last: number): RetentionPolicy => ({ ...defaultRetention, last });
const options = (last: number): PruneOptions => ({ policy: keeping(last), known: new Map(), damaged: [] });

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
  expect((await prune(holderOf(world, 1), options(3))).manifests).toEqual([]);
  await world.clock.advance(HOUR_MS + 60_000);
  expect(seqsIn((await prune(holderOf(world, 1), options(3))).manifests)).toEqual([1, 2]);
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([3, 4, 5, 6]);
  const data = (await world.keys(runKeys(RUN).dataRoot)).map((key) => parseDataKey(key)?.seq);
  expect(data).toEqual([3, 4, 5, 6]);
});

test('prunes by itself after a commit, and keeps for an hour what it could have fallen back to until then', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3]);
  await world.clock.advance(HOUR_MS + 60_000);
  // On another machine: what lies in the folder may be what the script keeps.
  for (const step of [1, 2, 3]) await rm(join(world.folder, `checkpoint-${step}`), { recursive: true });
  const publisher = world.publisher({ keep: keeping(1) });
  await world.write('checkpoint-4/model.bin', 'weights of 4');
  await world.settleAndPass(publisher);
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([2, 3, 4]);
  await world.clock.advance(HOUR_MS + 60_000);
  await world.write('checkpoint-5/model.bin', 'weights of 5');
  await world.settleAndPass(publisher);
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([3, 4, 5]);
});

test('deletes a manifest before its data, and stops when the lease is gone', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3, 4, 5, 6]);
  await world.clock.advance(HOUR_MS + 60_000);
  await expect(prune(holderOf(world, 1, false), options(1))).rejects.toMatchObject({ reason: 'not-holder' });
  expect(await world.keys(runKeys(RUN).manifestsFolder)).toHaveLength(6);
});

test('keeps the best by a metric of the progress file, for as long as no better one comes', async () => {
  await using world = await openWorld();
  const best: RetentionPolicy = { last: 1, everySteps: null, best: { metric: 'loss', mode: 'min' } };
  const losses: Record<number, number> = { 1: 0.9, 2: 0.2, 3: 0.5, 4: 0.6, 5: 0.7, 6: 0.1 };
  const progressMetrics: PublisherOptions['progressMetrics'] = ({ step }) => ({ loss: losses[step ?? 0] ?? 9 });
  const publisher = world.publisher({ keep: best, progressMetrics });
  const stepsLeft = async (step: number): Promise<readonly number[]> => {
    await world.clock.advance(2 * HOUR_MS);
    await rm(join(world.folder, `checkpoint-${step - 1}`), { recursive: true, force: true });
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await world.settleAndPass(publisher);
    return seqsIn(await world.keys(runKeys(RUN).manifestsFolder));
  };
  for (const step of [1, 2, 3, 4]) await stepsLeft(step);
  expect(await stepsLeft(5)).toEqual([2, 3, 4, 5]);
  expect(await stepsLeft(6)).toEqual([2, 4, 5, 6]);
  await world.clock.advance(2 * HOUR_MS);
  await prune(holderOf(world, 1), { policy: best, known: new Map(), damaged: [] });
  // The one to fall back to names the second as a companion, since that was the best until the sixth.
  expect(seqsIn(await world.keys(runKeys(RUN).manifestsFolder))).toEqual([2, 5, 6]);
});

test('does not delete what somebody reads, until the reader is done or has not been heard of for an hour', async () => {
  await using world = await openWorld();
  await publishSteps(world, [1, 2, 3]);
  const left = async (): Promise<readonly number[]> => {
    await world.clock.advance(HOUR_MS / 2);
    await prune(holderOf(world, 1), options(1));
    return seqsIn(await world.keys(runKeys(RUN).manifestsFolder));
  };
  const reader = { store: world.store, run: RUN, signal: never, clock: world.clock, log: silentLog };
  const done = Promise.withResolvers<undefined>();
  const reading = whileReading(reader, { generation: 1, seq: 1 }, () => done.promise);
  for (let look = 0; look < 5; look++) expect(await left()).toEqual([1, 2, 3]);
  done.resolve(undefined);
  await reading;
  expect(await world.keys(runKeys(RUN).readingFolder)).toEqual([]);
  const crashed = runKeys(RUN).reading({ generation: 1, seq: 1 }, 'aaaaaaaaaaaaaaaa');
  await world.store.put(crashed, Buffer.from('{}'));
  expect(await left()).toEqual([1, 2, 3]);
  expect(await left()).toEqual([1, 2, 3]);
  expect(await left()).toEqual([2, 3]);
  expect(await world.keys(runKeys(RUN).readingFolder)).toEqual([]);
});

test('deletes what an upload that was given up has left, once it is an hour old', async () => {
  await using world = await openWorld();
  const orphan = `${runKeys(RUN).dataFolder({ generation: 1, seq: 1 }, 'aaaaaaaaaaaaaaaa')}model.bin`;
  await world.store.put(orphan, Buffer.from('given up'));
  await publishSteps(world, [1]);
  expect(await world.pointer()).toMatchObject({ seq: 2 });
  await prune(holderOf(world, 1), options(3));
  expect(await world.keys(runKeys(RUN).dataRoot)).toHaveLength(2);
  await world.clock.advance(HOUR_MS + 60_000);
  expect((await prune(holderOf(world, 1), options(3))).orphans).toHaveLength(1);
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
