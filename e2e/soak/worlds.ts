import { runLifeWorld } from '../simulation/lifecycle/life-world.ts';
import { type Report, simulate } from '../simulation/simulate.ts';
import { runWorld } from '../simulation/world.ts';
import type { SoakPart } from './soak.ts';

/** So many worlds between two looks at the time. */
const WORLDS_AT_ONCE = 100;

export const engineWorlds = worlds('simulation', {
  about: 'the real engine in simulated worlds',
  usualRounds: 80_000,
  run: (seed) => runWorld(seed),
});

export const lifeWorlds = worlds('lifecycle', {
  about: 'the real agent, from boot to the end of its launch, in simulated worlds',
  usualRounds: 20_000,
  run: (seed) => runLifeWorld(seed),
});

interface Worlds extends Pick<SoakPart, 'about' | 'usualRounds'> {
  readonly run: (seed: number) => Promise<Report>;
}

function worlds(name: string, { about, usualRounds, run }: Worlds): SoakPart {
  return {
    name,
    about,
    usualRounds,
    roundsOfATurn: 1000,
    async run({ firstSeed, rounds, signal, onRound, say }) {
      for (let done = 0; done < rounds && !signal.aborted; done += WORLDS_AT_ONCE) {
        const worlds = Math.min(WORLDS_AT_ONCE, rounds - done);
        const { failed } = await simulate({ firstSeed: firstSeed + done, worlds, failures: worlds, run });
        const violations = new Map(failed.map((world) => [world.seed, world.violations.join('; ')]));
        for (let seed = firstSeed + done; seed < firstSeed + done + worlds; seed++)
          onRound({ seed, failure: violations.get(seed) ?? null });
        // A world has time of its own: the real one, with its signals, gets its turn here.
        await new Promise((resolve) => setImmediate(resolve));
        if ((done + worlds) % (10 * WORLDS_AT_ONCE) === 0) say(`${done + worlds} worlds`);
      }
    },
  };
}
