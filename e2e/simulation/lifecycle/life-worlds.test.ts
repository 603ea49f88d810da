import { expect, test } from 'vitest';
import { simulate } from '../simulate.ts';
import { runLifeWorld } from './life-world.ts';

const WORLDS = 500;

// Each failure names its seed: `npm run soak -- --only lifecycle --seed <n>`.
test(
  `every run comes to a true end, and loses nothing on the way, in ${WORLDS} worlds`,
  { timeout: 600_000 },
  async () => {
    const { counts, failed } = await simulate({ firstSeed: 1, worlds: WORLDS, run: (seed) => runLifeWorld(seed) });
    expect(failed.map(({ seed, violations }) => ({ seed, violations }))).toEqual([]);
    // Worlds in which too little goes wrong would show nothing.
    expect(counts.deaths).toBeGreaterThan(WORLDS);
    expect(counts.machines).toBeGreaterThan(WORLDS * 1.5);
    expect(counts.crashes).toBeGreaterThan(WORLDS / 4);
    expect(counts.restored).toBeGreaterThan(WORLDS / 3);
    expect(counts.survivors).toBeGreaterThan(WORLDS / 10);
    expect(counts.denials).toBeGreaterThan(WORLDS / 20);
    expect(counts.clockSteps).toBeGreaterThan(WORLDS / 20);
    expect(counts.noticesInTime).toBeGreaterThan(WORLDS / 100);
    expect(counts.succeeded).toBeGreaterThan(WORLDS / 2);
    expect(counts.stopped).toBeGreaterThan(WORLDS / 20);
    expect(counts.failed).toBeGreaterThan(WORLDS / 25);
  },
);
