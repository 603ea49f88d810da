import { execa } from 'execa';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { repository } from '../support/runctl.ts';
import type { SoakPart } from './soak.ts';

/** Have a part of their own here, or check what no seed changes. */
const LEFT_OUT = ['real-kills', 'bad-input', 'examples', 'current-clients', 'store-conformance', 'store-s3'];

/** Property tests with examples that the seed gives, instead of those that every run of the tests has. */
export const properties: SoakPart = {
  ...testsPart('properties', ['--project', 'unit'], (seed) => ({ RUNCTL_PROPERTY_SEED: String(seed) })),
  about: 'the unit tests, with the seed for what their properties draw',
};

/** Each file of end-to-end scenarios is a part. The seed gives the order of its tests and the moments of what is broken. */
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
  const which = ['--project', 'e2e', `e2e/scenarios/${name}.e2e.ts`, '--sequence.shuffle.tests'];
  return {
    ...testsPart(name, which, (seed) => ({ RUNCTL_SOAK_SEED: String(seed) })),
    about: `the scenarios of e2e/scenarios/${name}.e2e.ts, shuffled and shifted`,
  };
}

function testsPart(
  name: string,
  which: readonly string[],
  environmentOf: (seed: number) => Record<string, string>,
): Omit<SoakPart, 'about'> {
  return {
    name,
    usualRounds: 1,
    roundsOfATurn: 1,
    async run({ firstSeed, rounds, signal, cut, onRound }) {
      for (let seed = firstSeed; seed < firstSeed + rounds && !signal.aborted; seed++) {
        const failure = await oneRound([...which, `--sequence.seed=${seed}`], environmentOf(seed), cut);
        cut.throwIfAborted();
        onRound({ seed, failure });
      }
    },
  };
}

async function oneRound(
  which: readonly string[],
  environment: Record<string, string>,
  cut: AbortSignal,
): Promise<string | null> {
  const finished = await execa(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', '.dev/vitest.config.ts', '--retry=0', ...which],
    {
      cwd: repository,
      env: { NO_COLOR: '1', ...environment },
      reject: false,
      all: true,
      cancelSignal: cut,
      forceKillAfterDelay: 10_000,
    },
  );
  if (finished.exitCode === 0) return null;
  const errors = finished.all.split('\n').filter((line) => /^\s*(FAIL|AssertionError|Error|TypeError)/.test(line));
  return errors.slice(0, 6).join(' | ') || finished.all.slice(-500);
}
