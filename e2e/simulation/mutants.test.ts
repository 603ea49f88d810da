import { describe, expect, test } from 'vitest';
import { mutants } from './mutants.ts';
import { simulate } from './simulate.ts';
import { runWorld } from './world.ts';

/** Worlds in which a broken guarantee must show. */
const ENOUGH = 400;

describe('a simulated agent that', () => {
  test.each(mutants)('$breaks is found out', { timeout: 120_000 }, async ({ parts, seenAs }) => {
    const seen: string[] = [];
    for (let seed = 1; seed <= ENOUGH && !seen.some((what) => seenAs.test(what));) {
      const { failed, worlds } = await simulate({ firstSeed: seed, worlds: ENOUGH + 1 - seed, parts });
      seen.push(...failed.flatMap((world) => world.violations));
      seed += worlds;
    }
    expect(seen).toContainEqual(expect.stringMatching(seenAs));
  });
});

test('a world is the same each time', async () => {
  expect(await runWorld(7)).toEqual(await runWorld(7));
});
