import { parseArgs } from 'node:util';
import { simulate } from '../simulation/simulate.ts';
import { runWorld } from '../simulation/world.ts';

const WORLDS = 100_000;
const FAILURES = 5;
const SHOWN_EACH = 1000;

/**
 * `npm run soak -- simulation [--worlds N] [--first N]`, or `--seed N` for one world again, with stacks. Worlds that CI
 * does not run come first. Returns the exit code: 1 when something did not hold.
 */
export async function soakSimulation(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      worlds: { type: 'string', default: String(WORLDS) },
      first: { type: 'string', default: '1000001' },
      seed: { type: 'string' },
    },
  });
  if (values.seed !== undefined) {
    const world = await runWorld(Number(values.seed));
    print(JSON.stringify(world, null, 2));
    return world.violations.length > 0 ? 1 : 0;
  }
  const worlds = Number(values.worlds);
  const report = await simulate({
    firstSeed: Number(values.first),
    worlds,
    failures: FAILURES,
    onProgress: (done) => {
      if (done % SHOWN_EACH === 0) print(`${done} of ${worlds} worlds`);
    },
  });
  for (const { seed, violations } of report.failed)
    print(`seed ${seed} (npm run soak -- simulation --seed ${seed}): ${violations.join('; ')}`);
  print(
    `${report.worlds} worlds, ${report.failed.length} in which something did not hold: ${JSON.stringify(report.counts)}`,
  );
  return report.failed.length > 0 ? 1 : 0;
}
