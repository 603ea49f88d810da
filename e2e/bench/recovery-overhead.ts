import { eventually } from '../support/eventually.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';
import { median, type Bench } from './bench.ts';

const ROUNDS = 4;
const GOAL_MS = 3000;
const PAUSE_S = 0.05;

/** Epoch ms of the first line `timed <what> …` in a log. */
function timed(log: string, what: string): number | null {
  const seconds = new RegExp(`^timed ${what} ([\\d.]+)$`, 'm').exec(log)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

export const bench: Bench = {
  name: 'recovery-overhead',
  about: `notice → first step of the next life, less the script's own start and save; ${ROUNDS} interruptions with a real run's periods, no boot delay`,
  async run(progress) {
    await using world = await World.start({ timeScale: 1 });
    const run = await launchDetached(world, 'timed', { args: ['100000', String(PAUSE_S)] });
    const samples: number[] = [];
    for (let life = 1; life <= ROUNDS; life++) {
      // Not any machine of the run: the one before is there until its deadline.
      const { machineId } = await reachesStep(world, run, life, 1);
      const noticeMs = Date.now();
      const interrupted = await world.runctl(['sandbox', 'interrupt', machineId]);
      if (interrupted.exitCode !== 0) throw new Error(interrupted.stderr);
      const stepMs = await eventually(
        'the next life steps',
        async () => timed(String(await world.bucket.log(run, life + 1)), 'step'),
        90_000,
      );
      const before = String(await world.bucket.log(run, life));
      const drain = (await world.bucket.drained(run, life))?.drain;
      const saveMs = drain?.sigtermToExitMs ?? 0;
      const startMs = stepMs - (timed(String(await world.bucket.log(run, life + 1)), 'began') ?? stepMs);
      const overheadMs = stepMs - noticeMs - saveMs - startMs;
      progress(
        `life ${life}: ${(stepMs - noticeMs).toFixed(0)} ms in all, script ${(saveMs + startMs).toFixed(0)} ms (${before.length} bytes of log)`,
      );
      samples.push(overheadMs);
    }
    await world.runctl(['stop', run]);
    const ms = median(samples);
    return {
      rows: [
        {
          what: 'notice → first step again',
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
