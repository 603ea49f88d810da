import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

const LOOK_MS = 250;

interface Saver {
  readonly name: string;
  readonly everyMs: number;
  readonly paths: (save: number) => readonly string[];
  /** Saves that stay in the folder; left out: all. */
  readonly keeps?: number;
}

/** Scripts that save without a pause in which anything settles, each file by a rename. */
const savers: readonly Saver[] = [
  { name: 'a file for each step, each second', everyMs: 1000, paths: (n) => [`step_${n}.pt`] },
  { name: 'a file for each step, four times a second', everyMs: 250, paths: (n) => [`step_${n}.pt`] },
  { name: 'the last two steps, each second', everyMs: 1000, paths: (n) => [`step_${n}.pt`], keeps: 2 },
  { name: 'the last two steps, twice a second', everyMs: 500, paths: (n) => [`step_${n}.pt`], keeps: 2 },
  { name: 'the last five steps, each second', everyMs: 1000, paths: (n) => [`step_${n}.pt`], keeps: 5 },
  { name: 'one file, each second', everyMs: 1000, paths: () => ['model.pt'] },
  { name: 'one file, twice a second', everyMs: 500, paths: () => ['model.pt'] },
  { name: 'one JSON file, each second', everyMs: 1000, paths: () => ['state.json'] },
  { name: 'Lightning, each second', everyMs: 1000, paths: (n) => [`epoch=0-step=${n}.ckpt`], keeps: 1 },
  {
    name: 'model and optimizer of the last two steps, each second',
    everyMs: 1000,
    paths: (n) => [`model_${n}.pt`, `optimizer_${n}.pt`],
    keeps: 2,
  },
];

async function save(world: World, { keeps, paths }: Saver, number: number): Promise<void> {
  for (const path of paths(number))
    await world.replace(path, path.endsWith('.json') ? JSON.stringify({ number }) : zipOf(`save ${number}`));
  const old = keeps === undefined ? [] : paths(number - keeps);
  for (const path of old) await rm(join(world.folder, path), { force: true });
}

describe.each(savers)('$name', (saver) => {
  test('is durable within ten seconds of each save', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    const startMs = world.clock.wallMs();
    let number = 0;
    let newestMs = startMs;
    let worstMs = 0;
    for (let look = 0; look < 120; look++) {
      if ((look * LOOK_MS) % saver.everyMs === 0) await save(world, saver, ++number);
      const { durable } = await publisher.pass({ signal: never });
      if (durable !== null) newestMs = Math.max(newestMs, Date.parse(durable.savedAt));
      worstMs = Math.max(worstMs, world.clock.wallMs() - newestMs);
      await world.clock.advance(LOOK_MS);
    }
    await publisher.settled();
    expect(newestMs).toBeGreaterThan(startMs);
    expect(worstMs).toBeLessThanOrEqual(10_000);
  });
});

test('a file without a structure that is never still is reported and never published', async () => {
  await using world = await openWorld();
  const publisher = world.publisher({ recognisers });
  const reported: string[] = [];
  for (let look = 0; look < 260; look++) {
    if (look % 4 === 0) await world.write('weights.dat', `save ${look}`);
    const { passedOver, published } = await publisher.pass({ signal: never });
    expect(published).toBeNull();
    reported.push(...passedOver.map(({ path, why }) => `${path} ${why}`));
    await world.clock.advance(LOOK_MS);
  }
  expect(reported[0]).toMatch(/^weights\.dat is not durable yet: .*for a minute/);
});
