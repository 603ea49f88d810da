import { describe, expect, test } from 'vitest';
import { seenUntil } from '../simulate.ts';
import { lifeMutants } from './life-mutants.ts';
import { runLifeWorld } from './life-world.ts';

/** Worlds in which a broken guarantee must show. */
const ENOUGH = 300;

describe('a simulated agent that', () => {
  test.each(lifeMutants)('$breaks is found out', { timeout: 120_000 }, async ({ firstSeed = 1, parts, seenAs }) => {
    const seen = await seenUntil(seenAs, { firstSeed, worlds: ENOUGH, run: (seed) => runLifeWorld(seed, { parts }) });
    expect(seen).toContainEqual(expect.stringMatching(seenAs));
  });
});

test('a run is the same each time', async () => {
  expect(await runLifeWorld(7)).toEqual(await runLifeWorld(7));
});
