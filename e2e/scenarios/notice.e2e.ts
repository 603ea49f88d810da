import { expect, test } from 'vitest';
import { checkAfter } from '../support/checker.ts';
import { counterResult } from '../support/counter-result.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

for (const level of ['process', 'lite'] as const)
  test.concurrent(
    `a notice becomes a saved step, and the replacement resumes from it by itself (${level})`,
    async (context) => {
      if (level === 'lite' && (process.platform !== 'linux' || process.getuid?.() !== 0))
        context.skip('level lite needs root on Linux');
      await using world = await World.start({ level });
      const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
      await reachesStep(world, run, 1, 12);
      const interrupted = await world.runctl(['sandbox', 'interrupt', run]);
      expect(interrupted, interrupted.stderr).toMatchObject({ exitCode: 0 });

      const waited = await world.runctl(['wait', run]);
      expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });

      const drained = await world.bucket.drained(run, 1);
      expect(drained?.drain).toMatchObject({
        cause: 'notice',
        killed: false,
        newCheckpoint: true,
        notDurable: [],
      });
      expect(drained?.drain.durableStep).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
      expect(await world.bucket.attemptOutcome(run, 1)).toMatchObject({ status: 'interrupted', cause: 'notice' });
      expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
      expect(String(await world.bucket.log(run, 2))).toContain(counterResult(60));
      await checkAfter(world, run);
    },
  );

test.concurrent(
  'without a notice the last durable checkpoint is used and nothing before it is done again',
  async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const durable = await durableStep(world, run, 20);
    expect(await world.runctl(['sandbox', 'interrupt', run, '--no-notice'])).toMatchObject({ exitCode: 0 });

    const waited = await world.runctl(['wait', run]);
    expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
    expect(await world.bucket.attemptOutcome(run, 1)).toBeNull();
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBeGreaterThanOrEqual(durable);
    expect(String(await world.bucket.log(run, 2))).toContain(counterResult(60));
    await checkAfter(world, run);
  },
);

test.concurrent(
  'a script that ignores SIGTERM is killed in time, and the last durable checkpoint is used',
  async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'ignores-sigterm', { args: ['60', '0.1', 'hold=45'] });
    await durableStep(world, run, 10);
    expect(await world.runctl(['sandbox', 'interrupt', run])).toMatchObject({ exitCode: 0 });

    const waited = await world.runctl(['wait', run]);
    expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
    const drained = await world.bucket.drained(run, 1);
    expect(drained?.drain).toMatchObject({ cause: 'notice', killed: true });
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
    await checkAfter(world, run);
  },
);
