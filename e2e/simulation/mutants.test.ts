import { describe, expect, test } from 'vitest';
import { mutants } from './mutants.ts';
import { seenUntil } from './simulate.ts';
import { runWorld } from './world.ts';

/** Worlds in which a broken guarantee must show. */
const ENOUGH = 400;

describe('a simulated agent that', () => {
  test.each(mutants)('$breaks is found out', { timeout: 120_000 }, async ({ firstSeed = 1, parts, seenAs }) => {
    const seen = await seenUntil(seenAs, { firstSeed, worlds: ENOUGH, run: (seed) => runWorld(seed, parts) });
    expect(seen).toContainEqual(expect.stringMatching(seenAs));
  });
});

test('a world is the same each time', async () => {
  expect(await runWorld(7)).toEqual(await runWorld(7));
});
