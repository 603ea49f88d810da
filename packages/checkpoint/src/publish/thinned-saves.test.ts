import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

interface Thinning {
  readonly name: string;
  /** What a save has, in the order in which it is written. */
  readonly save: (step: number) => readonly string[];
  /** What is taken from the save before once a save is finished, or once its first file is there. */
  readonly takes: (step: number) => readonly string[];
  readonly takesAt: 'begin' | 'end';
}

const optimizer = (step: number): readonly string[] => [`optimizer_${step}.pt`];
const both = (step: number): readonly string[] => [`model_${step}.pt`, `optimizer_${step}.pt`];
const folder = (step: number): readonly string[] => ['a', 'b', 'c'].map((name) => `step_${step}/${name}.pt`);

/** Scripts that keep less of their old saves than of the newest, and are never still. */
const thinnings: readonly Thinning[] = [
  { name: 'the optimizer, once the next is finished', save: both, takes: optimizer, takesAt: 'end' },
  { name: 'the optimizer, once the next is begun', save: both, takes: optimizer, takesAt: 'begin' },
  {
    name: 'a file of a folder, once the next is finished',
    save: folder,
    takes: (n) => [`step_${n}/c.pt`],
    takesAt: 'end',
  },
  {
    name: 'a file of a folder, once the next is begun',
    save: folder,
    takes: (n) => [`step_${n}/c.pt`],
    takesAt: 'begin',
  },
  {
    name: 'all but the weights in a folder',
    save: folder,
    takes: (n) => [`step_${n}/b.pt`, `step_${n}/c.pt`],
    takesAt: 'end',
  },
  {
    name: 'what is written first',
    save: (n) => [`optimizer_${n}.pt`, `model_${n}.pt`],
    takes: optimizer,
    takesAt: 'begin',
  },
  {
    name: 'the states of ranks',
    save: (n) => [`model_${n}.pt`, ...[0, 1, 2].map((rank) => `rng_${rank}_step_${n}.pt`)],
    takes: (n) => [0, 1, 2].map((rank) => `rng_${rank}_step_${n}.pt`),
    takesAt: 'end',
  },
  {
    name: 'one of two weights',
    save: (n) => [`ema_${n}.pt`, `model_${n}.pt`],
    takes: (n) => [`ema_${n}.pt`],
    takesAt: 'end',
  },
  {
    name: 'the scheduler and the optimizer one folder down',
    save: (n) => [`out/model_step_${n}.pt`, `out/optim_step_${n}.pt`, `out/sched_step_${n}.pt`],
    takes: (n) => [`out/optim_step_${n}.pt`, `out/sched_step_${n}.pt`],
    takesAt: 'begin',
  },
  { name: 'all of it', save: both, takes: both, takesAt: 'end' },
];

async function write(world: World, { save, takes, takesAt }: Thinning, { step, part }: { step: number; part: number }) {
  const path = save(step)[part];
  if (path !== undefined) await world.replace(path, zipOf(path));
  if (part === (takesAt === 'begin' ? 0 : save(step).length - 1))
    for (const old of takes(step - 1)) await rm(join(world.folder, old), { force: true });
}

describe.each(thinnings)('a script that takes away $name', (thinning) => {
  test.each([250, 750])('is never published without it, seen each %d ms', async (lookMs) => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    const parts = thinning.save(0).length;
    for (let atMs = 0; atMs < 30_000; atMs += 250) {
      // Each file of a save comes a quarter of a second after the one before; then it trains for half a second.
      const [step, part] = [Math.trunc(atMs / (250 * (parts + 2))) + 1, Math.trunc(atMs / 250) % (parts + 2)];
      if (part < parts) await write(world, thinning, { step, part });
      if (atMs % lookMs === 0) {
        const { published } = await publisher.pass({ signal: never });
        if (published !== null) expect(published.files).toHaveLength(parts);
      }
      await world.clock.advance(250);
    }
    await publisher.settled();
  });
});
