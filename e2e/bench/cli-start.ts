import { spawnSync } from 'node:child_process';
import { repository } from '../support/runctl.ts';
import { median, type Bench, type Row } from './bench.ts';

const ROUNDS = 25;
const GOAL = 1.3;
const entry = `${repository}/controller/bin/runctl.mjs`;

const commands: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['runctl --help', [entry, '--help']],
  ['runctl --version', [entry, '--version']],
  ['runctl completion bash', [entry, 'completion', 'bash']],
];

function elapsedMs(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr.toString()}`);
  return performance.now() - start;
}

export const bench: Bench = {
  name: 'cli-start',
  about: `wall time of a start, ${ROUNDS} interleaved rounds, against \`node -e 0\` with the same binary`,
  run: (progress) => {
    const floor: number[] = [];
    const ours = commands.map(() => [] as number[]);
    elapsedMs(['-e', '0']);
    for (const [, args] of commands) elapsedMs(args); // fills the compile cache, as a user's first start does
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(elapsedMs(['-e', '0']));
      commands.forEach(([, args], index) => ours[index]?.push(elapsedMs(args)));
    }
    progress(`node ${process.version}`);
    const peer = median(floor);
    const rows = commands.map(([what], index): Row => {
      const ms = median(ours[index] ?? []);
      return {
        what,
        ours: `${ms.toFixed(1)} ms`,
        peer: `node -e 0: ${peer.toFixed(1)} ms`,
        ratio: ms / peer,
        goal: `≤ ${GOAL}`,
        met: ms / peer <= GOAL,
      };
    });
    return Promise.resolve({ rows, raw: { floor, ours } });
  },
};
