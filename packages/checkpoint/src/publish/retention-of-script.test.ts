import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDocument, type Manifest, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import type { Publisher } from '../contract/publisher-port.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { openWorld, RUN, type World, zipOf } from '../testing/test-world.ts';

interface Script {
  readonly name: string;
  readonly files: (step: number) => readonly string[];
  /** Which of these steps the script leaves in the folder. */
  readonly keeps: (steps: readonly number[]) => readonly number[];
}

const torch = (step: number): readonly string[] => [`step_${step}.pt`];
const modelAndOptimizer = (step: number): readonly string[] => [`model_${step}.pt`, `optimizer_${step}.pt`];
const last = (many: number) => (steps: readonly number[]) => steps.slice(-many);
const lossAt = (step: number): number => Math.abs(step - 20);
const best = (steps: readonly number[], many: number): readonly number[] =>
  steps.toSorted((a, b) => lossAt(a) - lossAt(b)).slice(0, many);

/** Scripts that delete saves of theirs. */
const scripts: readonly Script[] = [
  { name: 'keeps the last two', files: torch, keeps: last(2) },
  { name: 'keeps the last five', files: torch, keeps: last(5) },
  { name: 'keeps the best and the last', files: torch, keeps: (all) => [...best(all, 1), ...all.slice(-1)] },
  {
    name: 'Lightning, save_top_k=3',
    files: (step) => [`epoch=${Math.trunc(step / 10)}-step=${step}.ckpt`],
    keeps: (all) => [...best(all, 3), ...all.slice(-1)],
  },
  {
    name: 'Lightning in a folder of its own',
    files: (step) => [`lightning_logs/version_0/checkpoints/epoch=${Math.trunc(step / 10)}-step=${step}.ckpt`],
    keeps: (all) => [...best(all, 2), ...all.slice(-1)],
  },
  {
    name: 'folders, save_total_limit=2',
    files: (step) => [`checkpoint-${step}/weights.dat`, `checkpoint-${step}/moments.dat`],
    keeps: last(2),
  },
  {
    name: 'model and optimizer apart',
    files: (step) => [`model_${step}.pt`, `optimizer_${step}.pt`],
    keeps: (all) => [...best(all, 1), ...all.slice(-2)],
  },
  {
    name: 'keeps each thirtieth step',
    files: torch,
    keeps: (all) => all.filter((s) => s % 30 === 0 || s === all.at(-1)),
  },
  {
    name: 'one folder down',
    files: (step) => [`run/ckpt-${step}.pt`],
    keeps: (all) => [...best(all, 2), ...all.slice(-1)],
  },
  { name: 'keeps the first and the last', files: torch, keeps: (all) => [...all.slice(0, 1), ...all.slice(-1)] },
];

const publisherOf = (world: World, generation: number): Publisher =>
  world.publisher({ recognisers, mayPublish: () => ({ generation }), keep: { last: 1, everySteps: null, best: null } });

/** Saves these steps one after another, each followed by the script's own deletions. */
async function train(
  world: World,
  script: Script,
  steps: readonly number[],
  { publisher, everyMs = 60_000 }: { readonly publisher: Publisher; readonly everyMs?: number },
): Promise<void> {
  for (const step of steps) {
    for (const path of script.files(step)) await world.write(path, zipOf(`${path} ${'x'.repeat(1000)}`));
    const there = await stepsIn(world, script);
    const kept = script.keeps(there);
    for (const old of there.filter((each) => !kept.includes(each)))
      for (const path of script.files(old)) await rm(join(world.folder, path));
    await world.settleAndPass(publisher);
    await world.clock.advance(everyMs);
  }
}

async function stepsIn(world: World, { files }: Script): Promise<readonly number[]> {
  const entries = await readdir(world.folder, { recursive: true });
  return Array.from({ length: 100 }, (_, step) => step).filter((step) =>
    files(step).every((path) => entries.includes(path)),
  );
}

async function manifestsOf(world: World): Promise<readonly Manifest[]> {
  const keys = await world.keys(runKeys(RUN).manifestsFolder);
  return Promise.all(keys.map(async (key) => decodeDocument(manifestSchema, await readBytes(world.store, key), key)));
}

describe.each(scripts)('a script that $name', (script) => {
  test('finds in its next lives what it had left, and no save is stored twice', async () => {
    await using world = await openWorld();
    await train(world, script, [10, 20, 30, 40, 50, 60], { publisher: publisherOf(world, 1) });
    for (const [generation, steps] of [
      [2, [70, 80]],
      [3, [90]],
    ] as const) {
      const left = await stepsIn(world, script);
      await rm(world.folder, { recursive: true });
      await world.restore();
      expect(await stepsIn(world, script)).toEqual(left);
      // What nobody names is deleted after its hour.
      await world.clock.advance(2 * 3_600_000);
      await train(world, script, steps, { publisher: publisherOf(world, generation) });
    }
    for (const { files, step } of await manifestsOf(world))
      expect(files.map(({ path }) => path).sort()).toEqual([...script.files(step ?? 0)].sort());
  });
});

describe.each([
  ...scripts,
  { name: 'keeps the last eight', files: torch, keeps: last(8) },
  { name: 'keeps the best four and the last three', files: torch, keeps: (all) => [...best(all, 4), ...all.slice(-3)] },
  { name: 'keeps the last nine of model and optimizer', files: modelAndOptimizer, keeps: last(9) },
] satisfies readonly Script[])('a script with hours between its saves that $name', (script) => {
  test('finds in its next life what was older than the policy when it first deleted a save', async () => {
    await using world = await openWorld();
    const steps = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95];
    await train(world, script, steps, { publisher: publisherOf(world, 1), everyMs: 2 * 3_600_000 });
    const left = await stepsIn(world, script);
    await rm(world.folder, { recursive: true });
    await world.restore();
    expect(await stepsIn(world, script)).toEqual(left);
  });

  test('has after a restart of the agent in the middle what it had', async () => {
    await using world = await openWorld();
    for (const steps of [[10, 20], [30], [40, 50], [60, 70, 80, 90, 95]])
      await train(world, script, steps, { publisher: publisherOf(world, 1), everyMs: 2 * 3_600_000 });
    const left = await stepsIn(world, script);
    await rm(world.folder, { recursive: true });
    await world.restore();
    expect(await stepsIn(world, script)).toEqual(left);
  });
});

test('of a script that never deletes, what the policy does not want goes after the tenth save', async () => {
  await using world = await openWorld();
  const never: Script = { name: 'never deletes', files: torch, keeps: (all) => all };
  const publisher = publisherOf(world, 1);
  const stepsInBucket = async (): Promise<readonly (number | null)[]> =>
    (await manifestsOf(world)).map(({ step }) => step);
  const steps = Array.from({ length: 12 }, (_, index) => index + 1);
  await train(world, never, steps.slice(0, 10), { publisher, everyMs: 2 * 3_600_000 });
  expect(await stepsInBucket()).toEqual(steps.slice(0, 10));
  await train(world, never, steps.slice(10), { publisher, everyMs: 2 * 3_600_000 });
  expect(await stepsInBucket()).toEqual([10, 11, 12]);
});

test('a script that never deletes names no companions', async () => {
  await using world = await openWorld();
  const never: Script = { name: 'never deletes', files: torch, keeps: (all) => all };
  await train(world, never, [10, 20, 30, 40], { publisher: publisherOf(world, 1) });
  expect((await manifestsOf(world)).flatMap(({ companions = [] }) => companions)).toEqual([]);
  expect((await manifestsOf(world)).some(({ ownRetention }) => ownRetention)).toBe(false);
});

test('a script that empties its folder at the start has no retention of its own', async () => {
  await using world = await openWorld();
  const never: Script = { name: 'wipes', files: torch, keeps: (all) => all };
  const publisher = publisherOf(world, 1);
  await train(world, never, [10, 20], { publisher });
  for (const path of ['step_10.pt', 'step_20.pt']) await rm(join(world.folder, path));
  await train(world, never, [30, 40], { publisher });
  expect((await manifestsOf(world)).some(({ ownRetention }) => ownRetention)).toBe(false);
});

test('what retention keeps as best is there in the next life of a script that never deletes', async () => {
  await using world = await openWorld();
  const bestLoss = { metric: 'loss', mode: 'min' } as const;
  const publisherFor = (generation: number): Publisher =>
    world.publisher({
      recognisers,
      mayPublish: () => ({ generation }),
      keep: { last: 1, everySteps: null, best: bestLoss },
      progressMetrics: ({ step }) => ({ loss: lossAt(step ?? 0) }),
    });
  const never: Script = { name: 'never deletes', files: torch, keeps: (all) => all };
  await train(world, never, [10, 20, 30, 40], { publisher: publisherFor(1) });
  for (const generation of [2, 3]) {
    await rm(world.folder, { recursive: true });
    await world.restore();
    expect(await stepsIn(world, never)).toEqual([20, 20 + 20 * (generation - 1)].toSorted((a, b) => a - b));
    await world.clock.advance(2 * 3_600_000);
    await train(world, never, [20 + 20 * generation], { publisher: publisherFor(generation) });
  }
});
