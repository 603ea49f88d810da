import { execa } from 'execa';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { repository } from '../support/runctl.ts';
import type { SoakPart } from './soak.ts';

/** Have a part of their own here, or check what no seed changes. */
const LEFT_OUT = ['real-kills', 'bad-input', 'examples', 'current-clients', 'store-conformance', 'store-s3'];

/** Each file of end-to-end scenarios is a part. Its tests run in an order that the seed gives. */
export async function scenarioParts(): Promise<readonly SoakPart[]> {
  const files = await readdir(`${repository}/e2e/scenarios`);
  return files
    .filter((file) => file.endsWith('.e2e.ts'))
    .map((file) => basename(file, '.e2e.ts'))
    .filter((name) => !LEFT_OUT.includes(name))
    .toSorted()
    .map((name) => scenarioPart(name));
}

function scenarioPart(name: string): SoakPart {
  return {
    name,
    about: `the scenarios of e2e/scenarios/${name}.e2e.ts, shuffled`,
    usualRounds: 1,
    async run({ firstSeed, rounds, signal, onRound }) {
      for (let seed = firstSeed; seed < firstSeed + rounds && !signal.aborted; seed++)
        onRound({ seed, failure: await oneRound(name, seed) });
    },
  };
}

async function oneRound(name: string, seed: number): Promise<string | null> {
  const shuffled = ['--sequence.shuffle.tests', `--sequence.seed=${seed}`];
  const files = ['--project', 'e2e', `e2e/scenarios/${name}.e2e.ts`];
  const finished = await execa(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', '.dev/vitest.config.ts', ...files, ...shuffled],
    {
      cwd: repository,
      env: { NO_COLOR: '1', RUNCTL_SOAK_SEED: String(seed) },
      reject: false,
      all: true,
    },
  );
  if (finished.exitCode === 0) return null;
  const told = finished.all.split('\n').filter((line) => /^\s*(FAIL|AssertionError|Error|TypeError)/.test(line));
  return told.slice(0, 6).join(' | ') || finished.all.slice(-500);
}
