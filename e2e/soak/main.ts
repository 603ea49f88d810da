import { parseArgs } from 'node:util';
import { formatDuration } from '@runctl/core';
import { properties, scenarioParts } from './scenarios.ts';
import type { Round, SoakPart } from './soak.ts';
import { numbersFrom } from '../support/random.ts';
import { textTable } from '../support/table.ts';

const usage = `usage: npm run soak -- [--only NAME]... [--minutes M] [--rounds N] [--seed N] [--json] [--list]

Breaks everything over and over. Without --minutes every part does its usual rounds once; with it they take short turns, in an
order that the seed gives, until the time is over.
--seed N alone does one round of each part with that seed, so \`--only NAME --seed N\` repeats a failure.
Ctrl-C gives up what runs, ends its sandboxes and prints the table of what was done until then; a second one ends at once.`;

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

const { engineWorlds, lifeWorlds } = await import('./worlds.ts');
const parts = [engineWorlds, lifeWorlds, properties, (await import('./kills.ts')).part, ...(await scenarioParts())];
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
  const limits = limitsOf(values.minutes);
  let seed = values.seed === undefined ? (Date.now() % 1_000_000) + 1 : Number(values.seed);
  const onlyOne = values.seed !== undefined && values.rounds === undefined && values.minutes === undefined;
  do {
    let mostRounds = 1;
    for (const tally of values.minutes === undefined ? tallies : shuffled(tallies, seed)) {
      if (limits.signal.aborted) break;
      const { usualRounds, roundsOfATurn } = tally.part;
      const rounds = Number(
        values.rounds ?? (onlyOne ? 1 : values.minutes === undefined ? usualRounds : roundsOfATurn),
      );
      mostRounds = Math.max(mostRounds, rounds);
      await turn(tally, { firstSeed: seed, rounds, ...limits });
    }
    seed += mostRounds;
  } while (values.minutes !== undefined && !limits.signal.aborted);
  if (values.json) for (const tally of tallies) console.log(JSON.stringify(lineOf(tally)));
  else console.log(table(tallies));
  const failed = tallies.some(({ failures }) => failures > 0);
  process.exitCode = failed ? 1 : limits.cut.aborted ? 130 : 0;
  // What was given up may still wait for something that will not come.
  process.stdout.write('', () => process.exit());
}

/** When to begin no more, and when to give up what has begun. */
function limitsOf(minutes: string | undefined): { readonly signal: AbortSignal; readonly cut: AbortSignal } {
  const over = new AbortController();
  const cut = new AbortController();
  if (minutes !== undefined) setTimeout(() => over.abort(), Number(minutes) * 60_000).unref();
  let pressedMs = Number.NEGATIVE_INFINITY;
  const press = (): void => {
    const nowMs = performance.now();
    // One Ctrl-C reaches this process twice where something stands between it and the terminal that passes signals on.
    if (cut.signal.aborted && nowMs - pressedMs > 1000) process.exit(130);
    if (!cut.signal.aborted) say('· ending; once more ends at once');
    pressedMs = nowMs;
    over.abort();
    cut.abort(new Error('cut'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, press);
  return { signal: over.signal, cut: cut.signal };
}

async function turn(
  tally: Tally,
  at: { firstSeed: number; rounds: number; signal: AbortSignal; cut: AbortSignal },
): Promise<void> {
  const { name, about } = tally.part;
  const began = performance.now();
  say(`· ${name}: ${about} (seed ${at.firstSeed}${at.rounds === 1 ? '' : ` to ${at.firstSeed + at.rounds - 1}`})`);
  const onRound = (round: Round): void => {
    if (at.cut.aborted) return;
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

/** The same order for the same seed. */
function shuffled<T>(all: readonly T[], seed: number): readonly T[] {
  const random = numbersFrom(seed);
  return all
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
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
