import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

interface Script {
  readonly name: string;
  /** What it writes before its first save of a step. */
  readonly first: readonly string[];
  /** A save of a step, in the order in which it is written. */
  readonly save: (step: number) => readonly string[];
}

const one = (step: number): readonly string[] => [`step_${step}.pt`];
const pair = (step: number): readonly string[] => [`model_${step}.pt`, `optimizer_${step}.pt`];
const folder = (step: number): readonly string[] => [`checkpoint-${step}/model.pt`, `checkpoint-${step}/optim.pt`];

const scripts: readonly Script[] = [
  { name: 'the best', first: ['best.pt'], save: one },
  { name: 'the best, then pairs', first: ['best.pt'], save: pair },
  { name: 'the best, then folders', first: ['best.pt'], save: folder },
  { name: 'the last', first: ['last.ckpt'], save: (step) => [`epoch=0-step=${step}.ckpt`] },
  { name: 'weights to begin with', first: ['init.pth'], save: (step) => [`step_${step}.pth`] },
  { name: 'two files', first: ['encoder.pt', 'decoder.pt'], save: one },
  { name: 'a vocabulary and a configuration', first: ['vocab.json', 'config.json'], save: pair },
  { name: 'a folder', first: ['best/model.pt'], save: folder },
  { name: 'the best in a folder, then files', first: ['best/model.pt', 'best/optim.pt'], save: one },
  { name: 'the best, one folder down', first: ['out/best.pt'], save: (step) => [`out/step_${step}.pt`] },
];

const LOOK_MS = 500;

/** Looks until the given time has passed; the steps that became durable, each with how many of its files. */
async function looks(world: World, publisher: ReturnType<World['publisher']>, forMs: number) {
  const published: { readonly step: number | null; readonly paths: readonly string[] }[] = [];
  for (let atMs = 0; atMs < forMs; atMs += LOOK_MS) {
    const { published: manifest } = await publisher.pass({ signal: never });
    if (manifest !== null) published.push({ step: manifest.step, paths: manifest.files.map(({ path }) => path) });
    await world.clock.advance(LOOK_MS);
  }
  return published;
}

describe.each(scripts)('a script that first writes $name', ({ first, save }) => {
  test('has its first saves of a step kept within ten seconds, and never half of one', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    for (const path of first) await world.write(path, zipOf(path));
    await looks(world, publisher, 30_000);
    for (const step of [1, 2]) {
      const published = [];
      for (const path of save(step)) {
        await world.write(path, zipOf(path));
        published.push(...(await looks(world, publisher, 2 * LOOK_MS)));
      }
      published.push(...(await looks(world, publisher, 10_000)));
      const own = published.filter((one) => one.step === step);
      expect(own.length).toBeGreaterThan(0);
      for (const { paths } of own) expect(paths).toEqual(expect.arrayContaining([...save(step)]));
    }
    await publisher.settled();
  });
});
