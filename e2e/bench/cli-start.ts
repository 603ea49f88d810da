import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../support/runctl.ts';
import { median, type Bench, type Row } from './bench.ts';

const ROUNDS = 25;
const GOAL = 1.3;
/** A person waits for it at each Tab. */
const TAB_MS = 100;
const COMMANDS = 120;
const OPTIONS = 20;
/** In the controller, so that what commands import is found from there. */
const place = `${repository}/controller/dist/bench`;
const entry = `${place}/bin/runctl.mjs`;

const starts: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['runctl --help', [entry, '--help']],
  ['runctl --version', [entry, '--version']],
  ['runctl completion bash', [entry, 'completion', 'bash']],
];
const tabs: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['Tab behind runctl launch --gra', [entry, 'complete', 'bash', '--', 'launch', '--gra']],
  ['Tab behind runctl logs, for runs', [entry, 'complete', 'bash', '--', 'logs', '']],
];

function elapsedMs(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr.toString()}`);
  return performance.now() - start;
}

/** The bundle as it is built, with so many made-up commands beside the real ones that there are 120, at depths two and three. */
function buildWithManyCommands(): number {
  rmSync(place, { recursive: true, force: true });
  const real = readdirSync(`${repository}/controller/src/commands`, { recursive: true, encoding: 'utf8' });
  const missing = COMMANDS - real.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).length;
  for (let number = 0; number < missing; number++) writeCommand(number);
  const build = ['bundle-with.ts', `${place}/dist`, `${place}/commands`];
  const built = spawnSync(process.execPath, build, { cwd: `${repository}/controller`, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the bundle was not built: ${built.stderr}`);
  mkdirSync(`${place}/bin`, { recursive: true });
  // As controller/bin/runctl.mjs.
  writeFileSync(
    entry,
    "process.getBuiltinModule?.('node:module').enableCompileCache?.();\nawait import('../dist/runctl.mjs');\n",
  );
  return missing;
}

/** Groups of ten: `made0 command0`, and every second one a word deeper. */
function writeCommand(number: number): void {
  const top = `made${Math.floor(number / 10)}`;
  const path = number % 2 === 0 ? [top, `command${number}`] : [top, 'deep', `command${number}`];
  const source = `${repository}/controller/src`;
  const options = Array.from(
    { length: OPTIONS },
    (_, at) =>
      `  option${at} = option({ flag: '--option-${number}-${at}', schema: choice('one', 'two'), help: 'what option ${at} of ${number} is for', group: 'what' });`,
  );
  write(
    [...path.slice(0, -1), `${path.at(-1) ?? ''}.ts`],
    [
      "import { Command } from 'clipanion';",
      `import { RunctlCommand } from '${source}/options/command.ts';`,
      `import { option } from '${source}/options/declaration/option.ts';`,
      `import { choice } from '${source}/options/values/choices.ts';`,
      `export class Made${number}Command extends RunctlCommand {`,
      `  static paths = [${JSON.stringify(path)}];`,
      `  static usage = Command.Usage({ description: 'Does what command ${number} does, at some length.' });`,
      ...options,
      '  run() { return Promise.resolve(0); }',
      '}',
    ],
  );
  for (let length = 1; length < path.length; length++) {
    const section = length === 1 ? "'account'" : 'null';
    write(
      [...path.slice(0, length - 1), `${path[length - 1] ?? ''}.ts`],
      [
        `export const madeGroup = { section: ${section}, summary: 'Made-up commands of ${path.slice(0, length).join(' ')}' };`,
      ],
    );
  }
}

function write(path: readonly string[], lines: readonly string[]): void {
  const file = join(place, 'commands', ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n`);
}

export const bench: Bench = {
  name: 'cli-start',
  about: `wall time of a start with ${COMMANDS} commands, ${ROUNDS} interleaved rounds, against \`node -e 0\` with the same binary`,
  run: (progress) => {
    const made = buildWithManyCommands();
    progress(`node ${process.version}, ${made} made-up commands`);
    const floor: number[] = [];
    const cases = [...starts, ...tabs];
    const ours = cases.map(() => [] as number[]);
    elapsedMs(['-e', '0']);
    for (const [, args] of cases) elapsedMs(args); // fills the compile cache, as a user's first start does
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(elapsedMs(['-e', '0']));
      cases.forEach(([, args], index) => ours[index]?.push(elapsedMs(args)));
    }
    const peer = median(floor);
    const rows = cases.map(([what], index): Row => {
      const ms = median(ours[index] ?? []);
      const isStart = index < starts.length;
      return {
        what,
        ours: `${ms.toFixed(1)} ms`,
        peer: `node -e 0: ${peer.toFixed(1)} ms`,
        ratio: ms / peer,
        goal: isStart ? `≤ ${GOAL}` : `≤ ${TAB_MS} ms`,
        met: isStart ? ms / peer <= GOAL : ms <= TAB_MS,
      };
    });
    return Promise.resolve({ rows, raw: { floor, ours } });
  },
};
