import { parseArgs } from 'node:util';
import { formatDuration } from '@runctl/core';
import { scenarioParts } from './scenarios.ts';
import type { Round, SoakPart } from './soak.ts';
import { textTable } from '../support/table.ts';

const usage = `usage: npm run soak -- [--only NAME]... [--minutes M] [--rounds N] [--seed N] [--json] [--list]

Breaks everything over and over. Without --minutes every part has one turn; with it they take turns until the time is over.
--seed N alone does one round of each part with that seed, so \`--only NAME --seed N\` repeats a failure.`;

interface Tally {
  readonly part: SoakPart;
  rounds: number;
  failures: number;
  firstFailure: Round | null;
  tookMs: number;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    minutes: { type: 'string' },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const say = (text: string): void => console.error(text);

const parts = [(await import('./worlds.ts')).part, (await import('./kills.ts')).part, ...(await scenarioParts())];
const unknown = values.only.filter((name) => !parts.some((part) => part.name === name));
const numbers = [values.minutes, values.rounds, values.seed].filter((text) => text !== undefined);
if (values.help) console.log(usage);
else if (values.list) for (const { name, about } of parts) console.log(`${name.padEnd(20)} ${about}`);
else if (unknown.length > 0 || numbers.some((text) => !Number.isFinite(Number(text)))) {
  say(
    `error: ${unknown.length > 0 ? `no part is named ${unknown.join(', ')}` : `not a number: ${numbers.join(', ')}`}`,
  );
  say('hint: npm run soak -- --list');
  process.exitCode = 2;
} else await soak(parts.filter((part) => values.only.length === 0 || values.only.includes(part.name)));

async function soak(chosen: readonly SoakPart[]): Promise<void> {
  const tallies = chosen.map((part): Tally => ({ part, rounds: 0, failures: 0, firstFailure: null, tookMs: 0 }));
  const over = new AbortController();
  const timer = values.minutes === undefined ? null : setTimeout(() => over.abort(), Number(values.minutes) * 60_000);
  process.once('SIGINT', () => over.abort());
  let seed = values.seed === undefined ? (Date.now() % 1_000_000) + 1 : Number(values.seed);
  const onlyOne = values.seed !== undefined && values.rounds === undefined && values.minutes === undefined;
  do {
    for (const tally of tallies) {
      if (over.signal.aborted) break;
      const rounds = Number(values.rounds ?? (onlyOne ? 1 : tally.part.usualRounds));
      await turn(tally, { firstSeed: seed, rounds, signal: over.signal });
    }
    seed += Math.max(...tallies.map(({ rounds }) => rounds), 1);
  } while (values.minutes !== undefined && !over.signal.aborted);
  if (timer !== null) clearTimeout(timer);
  if (values.json) for (const tally of tallies) console.log(JSON.stringify(lineOf(tally)));
  else console.log(table(tallies));
  process.exitCode = tallies.some(({ failures }) => failures > 0) ? 1 : 0;
}

async function turn(tally: Tally, at: { firstSeed: number; rounds: number; signal: AbortSignal }): Promise<void> {
  const { name, about } = tally.part;
  const began = performance.now();
  say(`· ${name}: ${about} (seed ${at.firstSeed}${at.rounds === 1 ? '' : ` to ${at.firstSeed + at.rounds - 1}`})`);
  const onRound = (round: Round): void => {
    tally.rounds++;
    if (round.failure === null) return;
    tally.failures++;
    tally.firstFailure ??= round;
    say(`  FAILED: npm run soak -- --only ${name} --seed ${round.seed}\n    ${round.failure}`);
  };
  await tally.part
    .run({ ...at, onRound, say: (text) => say(text.replaceAll(/^/gm, '  ')) })
    .catch((error: unknown) =>
      onRound({ seed: at.firstSeed, failure: error instanceof Error ? error.message : String(error) }),
    );
  tally.tookMs += performance.now() - began;
}

function lineOf({ part, rounds, failures, firstFailure, tookMs }: Tally) {
  return {
    what: part.name,
    rounds,
    failures,
    firstFailingSeed: firstFailure?.seed ?? null,
    failure: firstFailure?.failure ?? null,
    durationMs: Math.round(tookMs),
  };
}

function table(tallies: readonly Tally[]): string {
  return textTable([
    ['what', 'rounds', 'failures', 'first failing seed', 'duration'],
    ...tallies
      .map(lineOf)
      .map((line) => [
        line.what,
        `${line.rounds}`,
        `${line.failures}`,
        `${line.firstFailingSeed ?? '-'}`,
        formatDuration(line.durationMs),
      ]),
  ]);
}
