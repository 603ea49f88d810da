import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { repository } from '../support/runctl.ts';
import { lastLine } from './python.ts';

const FIXTURES = join(repository, 'packages/checkpoint/src/recognise/fixtures');
const MADE = join(repository, '.runctl/peers-made');

/** What each maker in generate.py imports. */
export const MAKERS: Readonly<Record<string, readonly string[]>> = {
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

/** Lets the real library write checkpoints into a file that tests can replay. */
export async function makeFixture(
  python: string,
  name: string,
): Promise<{ readonly state: 'made' | 'failed'; readonly why: string }> {
  await mkdir(MADE, { recursive: true });
  const made = await execa(python, [join(import.meta.dirname, 'generate.py'), name, madeFile(name)], {
    reject: false,
    timeout: 300_000,
  });
  return { state: made.failed ? 'failed' : 'made', why: made.failed ? lastLine(made.stderr) : '' };
}

/** Runs the recognisers' tests on what was made; the exit code. */
export async function testFixtures(): Promise<number> {
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const file = 'packages/checkpoint/src/recognise/fixtures.test.ts';
  const run = await execa(
    process.execPath,
    [vitest, 'run', '--config', '.dev/vitest.config.ts', '--project', 'unit', file],
    { cwd: repository, env: { RUNCTL_PEER_FIXTURES: MADE }, reject: false, stdio: 'inherit' },
  );
  return run.exitCode ?? 1;
}

/** Puts what was made in the place of the committed files. */
export async function keepFixtures(names: readonly string[]): Promise<void> {
  for (const name of names) await copyFile(madeFile(name), join(FIXTURES, `${name}.json.gz`));
}

function madeFile(name: string): string {
  return join(MADE, `${name}.json.gz`);
}
