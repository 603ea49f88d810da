import { readdir, rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { openWorld, type World, zipOf } from '../testing/test-world.ts';

/** Lightning's state as far as it tells what it is. */
function state(step: number): Buffer {
  const text = `pytorch-lightning_version X\u000b\0\0\0global_stepM${String.fromCharCode(step % 256, Math.trunc(step / 256))} `;
  return zipOf(Buffer.from(text, 'latin1'));
}
const numbered = (step: number): string => `epoch=0-step=${step}.ckpt`;

interface Case {
  readonly name: string;
  /** Written one after another, each followed by a pass. */
  readonly saves: readonly (readonly [path: string, step: number])[];
  readonly restored: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'the best is newer than the last save of a step',
    saves: [
      [numbered(100), 100],
      ['best.ckpt', 100],
      [numbered(200), 200],
      ['best.ckpt', 250],
    ],
    restored: ['best.ckpt', numbered(200)],
  },
  {
    name: 'the last is newer than the best of a step',
    saves: [
      [numbered(100), 100],
      ['last.ckpt', 150],
      ['last.ckpt', 200],
    ],
    restored: [numbered(100), 'last.ckpt'],
  },
  {
    name: 'the best is older than the last save of a step',
    saves: [
      [numbered(100), 100],
      ['best.ckpt', 150],
      [numbered(200), 200],
    ],
    restored: ['best.ckpt', numbered(200)],
  },
  {
    name: 'there are a best and a last',
    saves: [
      [numbered(100), 100],
      ['best.ckpt', 150],
      ['last.ckpt', 180],
    ],
    restored: ['best.ckpt', numbered(100), 'last.ckpt'],
  },
  {
    name: 'no name bears a step',
    saves: [
      ['best.ckpt', 100],
      ['last.ckpt', 150],
    ],
    restored: ['best.ckpt', 'last.ckpt'],
  },
  {
    name: 'all names bear a step',
    saves: [
      [numbered(100), 100],
      [numbered(200), 200],
    ],
    restored: [numbered(200)],
  },
];

async function publish(world: World, saves: Case['saves']): Promise<void> {
  let publisher = world.publisher({ recognisers });
  for (const [index, [path, step]] of saves.entries()) {
    await world.write(path, state(step));
    // In the middle the agent begins anew.
    if (index === 2) publisher = world.publisher({ recognisers });
    await world.settleAndPass(publisher);
    await world.clock.advance(2 * 3_600_000);
  }
}

describe.each(cases)('where $name', ({ saves, restored }) => {
  test('a restore brings whatever the script may look for', async () => {
    await using world = await openWorld();
    await publish(world, saves);
    await rm(world.folder, { recursive: true });
    const { manifest } = (await world.restore()) ?? {};
    expect(manifest?.step).toBe(saves.at(-1)?.[1]);
    expect((await readdir(world.folder)).toSorted()).toEqual(restored.toSorted());
  });
});
