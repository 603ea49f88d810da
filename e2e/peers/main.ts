/**
 * `npm run peers [-- NAME…] [--write-fixtures]`: real libraries from PyPI write small checkpoints, on which the tests run that
 * hold the recognisers to the committed ones; and small real trainings with these libraries are launched and interrupted by
 * `runctl drill`. What can't be installed is skipped, with why, and counted.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from '../support/runctl.ts';
import { DRILLS } from './drills.ts';
import { keepFixtures, makeFixture, MAKERS, testFixtures } from './fixtures.ts';
import { peersPython, type PeersPython } from './python.ts';
import { rehearsePeer, type PeerOutcome } from './rehearse-peer.ts';
import { drillTable } from './drill-table.ts';

interface Result {
  readonly name: string;
  readonly state: 'made' | 'drilled' | 'failed' | 'skipped';
  readonly why: string;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'write-fixtures': { type: 'boolean', default: false } },
  });
  const all = [...Object.keys(MAKERS), ...DRILLS.map(({ name }) => name)];
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`no peer ${unknown}; there are ${all.join(', ')}`);
  const names = positionals.length > 0 ? positionals : all;
  const python = await installed(names);
  const results: Result[] = [];
  const tell = (result: Result): void => {
    results.push(result);
    console.log(`${result.state.padEnd(8)} ${result.name}${result.why === '' ? '' : `: ${result.why}`}`);
  };
  for (const name of names.filter((each) => each in MAKERS))
    tell(lacking(python, name) ?? { name, ...(await makeFixture(python.python, name)) });
  const made = results.filter(({ state }) => state === 'made').map(({ name }) => name);
  const tested = made.length === 0 ? 0 : await testFixtures();
  if (values['write-fixtures'] && tested === 0) await keepFixtures(made);
  const outcomes: PeerOutcome[] = [];
  for (const drill of DRILLS.filter(({ name }) => names.includes(name))) {
    const skipped = lacking(python, drill.name);
    const outcome = skipped === null ? await rehearsePeer(drill, python.python) : null;
    if (outcome !== null) outcomes.push(outcome);
    tell(skipped ?? drilled(drill.name, outcome?.problems ?? []));
  }
  if (outcomes.length > 0) console.log(`\n${drillTable(outcomes)}\n`);
  return conclusion(results, tested);
}

function conclusion(results: readonly Result[], tested: number): number {
  const count = (state: Result['state']): number => results.filter((each) => each.state === state).length;
  const states = (['made', 'drilled', 'failed', 'skipped'] as const).map((state) => `${count(state)} ${state}`);
  console.log(`peers: ${states.join(', ')}`);
  return count('failed') > 0 ? 1 : tested;
}

function drilled(name: string, problems: readonly string[]): Result {
  return { name, state: problems.length === 0 ? 'drilled' : 'failed', why: problems.join('; ') };
}

const needsOf = (name: string): readonly string[] =>
  DRILLS.find((drill) => drill.name === name)?.needs ?? MAKERS[name] ?? [];

/** Why a peer can't be run; null where it can. */
function lacking({ missing }: PeersPython, name: string): Result | null {
  const lack = needsOf(name).find((requirement) => missing.has(requirement));
  return lack === undefined
    ? null
    : { name, state: 'skipped', why: `${lack} can't be installed: ${missing.get(lack)}` };
}

/** The interpreter with what the named peers need; without any Python everything is missing. */
async function installed(names: readonly string[]): Promise<PeersPython> {
  const needed = new Set(names.flatMap(needsOf));
  const requirements = (await readFile(join(import.meta.dirname, 'requirements.txt'), 'utf8'))
    .split('\n')
    .filter((line) => needed.has(line.split('==')[0] ?? ''));
  console.log(`installing ${requirements.join(' ')}`);
  const ready = await peersPython(join(repository, '.runctl/peers'), requirements);
  if ('python' in ready) return ready;
  return { python: '', missing: new Map([...needed].map((name) => [name, ready.problem])) };
}

process.exitCode = await main();
