import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LeftBehind } from '@runctl/protocol';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

interface Case {
  readonly name: string;
  /** Saved one after another, each followed by a pass. */
  readonly saves: readonly (readonly string[])[];
  /** What the script deletes after the save before the last. */
  readonly deletes?: readonly string[];
  readonly leftBehind: LeftBehind | null;
}

const steps = (...numbers: readonly number[]): readonly (readonly string[])[] =>
  numbers.map((step) => [`step_${step}.pt`]);

const cases: readonly Case[] = [
  { name: 'one save', saves: steps(1), leftBehind: null },
  { name: 'two saves', saves: steps(1, 2), leftBehind: { names: ['step_1.pt'], count: 1 } },
  {
    name: 'eight saves',
    saves: steps(1, 2, 3, 4, 5, 6, 7, 8),
    leftBehind: { names: [7, 6, 5, 4, 3].map((step) => `step_${step}.pt`), count: 7 },
  },
  {
    name: 'folders',
    saves: [1, 3, 20].map((step) => [`checkpoint-${step}/a.bin`, `checkpoint-${step}/b.bin`]),
    leftBehind: { names: ['checkpoint-3', 'checkpoint-1'], count: 2 },
  },
  {
    name: 'model and optimizer',
    saves: [1, 2].map((step) => [`model_${step}.pt`, `optimizer_${step}.pt`]),
    leftBehind: { names: ['model_1.pt', 'optimizer_1.pt'], count: 2 },
  },
  {
    name: 'saves one folder down',
    saves: [1, 2].map((step) => [`out/ckpt-${step}.pt`, 'out/vocab.json']),
    leftBehind: { names: ['out/ckpt-1.pt'], count: 1 },
  },
  { name: 'files that go along', saves: [['step_1.pt', 'vocab.json', 'train.log']], leftBehind: null },
  { name: 'one file that is overwritten', saves: [['model.pt'], ['model.pt']], leftBehind: null },
  {
    name: 'a script with a retention of its own',
    saves: steps(1, 2, 3, 4),
    deletes: ['step_1.pt'],
    leftBehind: null,
  },
  {
    name: 'Lightning',
    saves: [['epoch=0-step=1.ckpt'], ['epoch=1-step=20.ckpt'], ['epoch=2-step=300.ckpt']],
    leftBehind: { names: ['epoch=1-step=20.ckpt', 'epoch=0-step=1.ckpt'], count: 2 },
  },
];

async function publish(world: World, { saves, deletes = [] }: Case): Promise<void> {
  const publisher = world.publisher({ recognisers });
  for (const [index, save] of saves.entries()) {
    for (const path of save) await world.write(path, path.endsWith('.json') ? '{}' : zipOf(`${path} ${index}`));
    if (index === saves.length - 1) for (const path of deletes) await rm(join(world.folder, path));
    await world.settleAndPass(publisher);
    await world.clock.advance(60_000);
  }
  await publisher.pass({ signal: never });
}

describe.each(cases)('$name', (each) => {
  test('what lay in the folder and is not restored is named on another machine, and not on the same one', async () => {
    await using world = await openWorld();
    await publish(world, each);
    expect((await world.restore())?.leftBehind).toBeNull();
    await rm(world.folder, { recursive: true });
    expect((await world.restore())?.leftBehind).toEqual(each.leftBehind);
  });
});

test('what lies there still on the same machine is not named beside what is gone', async () => {
  await using world = await openWorld();
  await publish(world, { name: '', saves: steps(1, 2, 3, 4), leftBehind: null });
  await rm(join(world.folder, 'step_3.pt'));
  expect((await world.restore())?.leftBehind).toEqual({ names: ['step_3.pt'], count: 1 });
});

test.each([
  [['notes.json']],
  [['vocab.json', 'train.log', 'a/b.bin']],
  [['step_9.pt']],
  [['step_9.pt', 'step_10.pt', 'best.pt']],
  [['checkpoint-20/a.bin', 'checkpoint-20/b.bin']],
  [['out/step_11.pt']],
  [['epoch=9-step=900.ckpt']],
  [['model_9.pt', 'optimizer_9.pt']],
  [['logs/events.out.tfevents.1', 'plot.png']],
  [['last.ckpt', 'x', 'y']],
])('what came later (%j) makes up for no save that is gone', async (later) => {
  await using world = await openWorld();
  await publish(world, { name: '', saves: steps(1, 2, 3, 4, 5, 6, 7, 8), leftBehind: null });
  for (const step of [1, 2]) await rm(join(world.folder, `step_${step}.pt`));
  for (const path of later) await world.write(path, zipOf(path));
  expect((await world.restore())?.leftBehind).toEqual({ names: [], count: 2 });
});

test.each<readonly [gone: readonly number[], leftBehind: LeftBehind | null]>([
  [[], null],
  [[1], { names: [], count: 1 }],
  [[1, 2], { names: [], count: 2 }],
  [[7], { names: ['step_7.pt'], count: 1 }],
  [[7, 2, 1], { names: ['step_7.pt'], count: 3 }],
])('of more saves than are named, those that are gone (%j) are counted', async (gone, leftBehind) => {
  await using world = await openWorld();
  await publish(world, { name: '', saves: steps(1, 2, 3, 4, 5, 6, 7, 8), leftBehind: null });
  for (const step of gone) await rm(join(world.folder, `step_${step}.pt`));
  expect((await world.restore())?.leftBehind).toEqual(leftBehind);
});
