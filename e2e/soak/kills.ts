import { killTable } from '../kills/kill-table.ts';
import { KINDS_FOR_ROOT, killTrials } from '../kills/kill-trials.ts';
import type { SoakPart } from './soak.ts';

export const part: SoakPart = {
  name: 'kills',
  about: 'real kills at random moments of real uploads',
  usualRounds: 200,
  roundsOfATurn: 12,
  async run({ firstSeed, rounds, signal, cut, onRound, say }) {
    const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
    if (!mayMount) say(`left out, since they need root on Linux: ${KINDS_FOR_ROOT.join(', ')}`);
    const results = await killTrials({
      firstSeed,
      count: rounds,
      atOnce: Math.min(rounds, 6),
      without: mayMount ? [] : KINDS_FOR_ROOT,
      signal,
      cut,
      onResult: ({ plan, problems }) =>
        onRound({ seed: plan.seed, failure: problems.length === 0 ? null : problems.join('; ') }),
    });
    say(killTable(results));
  },
};
