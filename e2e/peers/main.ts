/**
 * `npm run peers [-- NAME…] [--write-fixtures]`: real libraries from PyPI write small checkpoints, and the tests that hold the
 * recognisers to the committed ones run on these. What can't be installed is skipped, with why, and counted.
 */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { lastLine, peersPython } from './python.ts';

const ROOT = join(import.meta.dirname, '../..');
const FIXTURES = join(ROOT, 'packages/checkpoint/src/recognise/fixtures');
const MADE = join(ROOT, '.runctl/peers-made');

/** What each maker in generate.py imports. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  'hf-trainer': ['transformers', 'accelerate', 'torch'],
  accelerate: ['accelerate', 'torch'],
  lightning: ['lightning', 'torch'],
  'lightning-sharded': ['lightning', 'torch'],
  'torch-dcp': ['torch'],
  'torch-save': ['torch'],
  'keras-backup': ['keras', 'jax', 'h5py'],
  'keras-files': ['keras', 'jax', 'h5py'],
  xgboost: ['xgboost-cpu'],
  'xgboost-json': ['xgboost-cpu'],
  safetensors: ['safetensors', 'numpy'],
  'safetensors-sharded': ['transformers', 'safetensors', 'torch'],
  orbax: ['orbax-checkpoint', 'jax'],
};

type Outcome = { readonly name: string; readonly state: 'made' | 'failed' | 'skipped'; readonly why: string };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'write-fixtures': { type: 'boolean' } },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(MAKERS);
  const unknown = names.find((name) => MAKERS[name] === undefined);
  if (unknown !== undefined) throw new Error(`no maker ${unknown}; there are ${Object.keys(MAKERS).join(', ')}`);
  await rm(MADE, { recursive: true, force: true });
  await mkdir(MADE, { recursive: true });
  const outcomes = await makeAll(names);
  for (const { name, state, why } of outcomes) console.log(`${state.padEnd(8)} ${name}${why === '' ? '' : `: ${why}`}`);
  const made = outcomes.filter(({ state }) => state === 'made');
  const tested = made.length === 0 ? 0 : await testMade();
  if (values['write-fixtures'] === true && tested === 0)
    for (const { name } of made) await copyFile(join(MADE, `${name}.json.gz`), join(FIXTURES, `${name}.json.gz`));
  const count = (state: Outcome['state']): number => outcomes.filter((each) => each.state === state).length;
  console.log(`peers: ${count('made')} made, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') > 0 ? 1 : tested;
}

async function makeAll(names: readonly string[]): Promise<readonly Outcome[]> {
  const needed = new Set(names.flatMap((name) => MAKERS[name] ?? []));
  const requirements = (await readFile(join(import.meta.dirname, 'requirements.txt'), 'utf8'))
    .split('\n')
    .filter((line) => needed.has(line.split('==')[0] ?? ''));
  console.log(`installing ${requirements.join(' ')}`);
  const ready = await peersPython(join(ROOT, '.runctl/peers'), requirements);
  if ('problem' in ready) return names.map((name) => ({ name, state: 'skipped', why: ready.problem }));
  const outcomes: Outcome[] = [];
  for (const name of names) {
    const lacking = MAKERS[name]?.find((requirement) => ready.missing.has(requirement));
    outcomes.push(
      lacking === undefined
        ? await make(ready.python, name)
        : { name, state: 'skipped', why: `${lacking} can't be installed: ${ready.missing.get(lacking)}` },
    );
  }
  return outcomes;
}

async function make(python: string, name: string): Promise<Outcome> {
  const target = join(MADE, `${name}.json.gz`);
  const made = await execa(python, [join(import.meta.dirname, 'generate.py'), name, target], {
    reject: false,
    timeout: 300_000,
  });
  return { name, state: made.failed ? 'failed' : 'made', why: made.failed ? lastLine(made.stderr) : '' };
}

async function testMade(): Promise<number> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const file = 'packages/checkpoint/src/recognise/fixtures.test.ts';
  const run = await execa(
    process.execPath,
    [vitest, 'run', '--config', '.dev/vitest.config.ts', '--project', 'unit', file],
    {
      cwd: ROOT,
      env: { RUNCTL_PEER_FIXTURES: MADE },
      reject: false,
      stdio: 'inherit',
    },
  );
  return run.exitCode ?? 1;
}

process.exitCode = await main();
