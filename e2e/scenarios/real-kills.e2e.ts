import { expect, test } from 'vitest';
import { killTable } from '../kills/kill-table.ts';
import { KINDS_FOR_ROOT, killTrials } from '../kills/kill-trials.ts';

/** Two of each kind; 200 of them, with other seeds, are `npm run soak -- --only kills`. */
const TRIALS = { firstSeed: 1, count: 14, atOnce: 6 };

/** A minute or so on two idle cores; a machine that others keep busy needs a multiple. */
const LIMIT_MS = 600_000;

test(
  '14 kills at random moments of real uploads: nothing that was durable is lost, nothing torn comes back',
  { timeout: LIMIT_MS, retry: 0 },
  async () => {
    const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
    const results = await killTrials({ ...TRIALS, without: mayMount ? [] : KINDS_FOR_ROOT });
    console.log(killTable(results));
    const broken = results.filter(({ problems }) => problems.length > 0);
    expect(broken, killTable(broken)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(10);
  },
);
