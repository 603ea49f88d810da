import { projectWith } from '../support/launching.ts';
import { World } from '../support/world.ts';
import { median, type Bench } from './bench.ts';

const ROUNDS = 5;
const GOAL_MS = 3000;

export const bench: Bench = {
  name: 'launch-overhead',
  about: `start of \`runctl launch\` → first line of the script in its output, ${ROUNDS} launches on a sandbox without boot delay`,
  async run(progress) {
    await using world = await World.start({ timeScale: 1 });
    const script = await projectWith(world, 'counter');
    const samples: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const startMs = performance.now();
      const laptop = world.start(['launch', script, '--yes', '--', '2', '0.01']);
      const firstMs = await new Promise<number>((resolve, reject) => {
        let seen = '';
        laptop.stdout.on('data', (chunk: Buffer) => {
          seen += chunk.toString();
          if (/^step 1$/m.test(seen)) resolve(performance.now() - startMs);
        });
        void laptop.then((finished) => reject(new Error(`launch ended before the first line: ${finished.stderr}`)));
      });
      await laptop;
      progress(`${round === 0 ? 'first launch, uploads the tools' : `launch ${round}`}: ${firstMs.toFixed(0)} ms`);
      if (round > 0) samples.push(firstMs);
    }
    const ms = median(samples);
    return {
      rows: [
        {
          what: 'launch → first line',
          ours: `${(ms / 1000).toFixed(2)} s`,
          peer: null,
          ratio: null,
          goal: '≤ 3 s',
          met: ms <= GOAL_MS,
        },
      ],
      raw: { samples },
    };
  },
};
