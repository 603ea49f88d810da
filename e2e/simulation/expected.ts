import { expect } from 'vitest';
import { simulate } from './simulate.ts';
import { runWorld } from './world.ts';

/** Worlds of the shard, with seeds of its own. Each failure names its seed: `npm run soak -- --only simulation --seed <n>`. */
export async function expectAllHolds(worlds: { readonly firstSeed: number; readonly count: number }): Promise<void> {
  const { counts, failed } = await simulate({
    firstSeed: worlds.firstSeed,
    worlds: worlds.count,
    run: (seed) => runWorld(seed),
  });
  expect(failed.map(({ seed, violations }) => ({ seed, violations }))).toEqual([]);
  // Worlds in which too little goes wrong would show nothing.
  expect(counts.published).toBeGreaterThan(worlds.count * 2);
  expect(counts.restored).toBeGreaterThan(worlds.count / 2);
  expect(counts.deaths).toBeGreaterThan(worlds.count);
  expect(counts.fellBack).toBeGreaterThan(worlds.count / 100);
  expect(counts.lateWrites).toBeGreaterThan(worlds.count / 10);
}
