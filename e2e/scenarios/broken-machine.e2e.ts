import { execa } from 'execa';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { giveNotice, succeeds } from '../support/breaking.ts';
import { eventually } from '../support/eventually.ts';
import { checkAfter } from '../support/checker.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

test('a full disk ends the run with its reason, and what was saved before is whole', async (context) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) context.skip('a small disk needs root on Linux');
  await using world = await World.start({ versioned: true });
  const disk = join(world.folder, 'disk');
  await mkdir(disk);
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=7m', 'tmpfs', disk], { reject: false });
  if (mounted.exitCode !== 0) context.skip('a small disk needs the right to mount');
  try {
    const flags = ['--checkpoint-dir', disk, '--max-crashes', '2'];
    const run = await launchDetached(world, 'heavy', { args: ['200', '0.1', '2', '0', '10'], flags });
    const outcome = await eventually('the run has its outcome', () => world.bucket.outcome(run), 120_000);
    expect(outcome).toMatchObject({ status: 'failed', cause: 'crashes' });
    expect(outcome.durableStep).toBeGreaterThanOrEqual(20);
    expect(String(await world.bucket.log(run, 1))).toContain('No space left on device');
    const waited = await world.runctl(['wait', run]);
    expect(waited).toMatchObject({ exitCode: 20 });
    await checkAfter(world, run);
    expect((await readdir(disk)).length).toBeGreaterThan(0);
  } finally {
    await execa('umount', [disk]);
  }
});

describe.concurrent('the clock of the machine is an hour off', () => {
  for (const [which, clockOffsetMs] of [
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ] as const)
    test(`${which}: the window of a notice is right, nothing is lost, and a machine with a right clock goes on`, async () => {
      await using world = await World.start({ versioned: true });
      await world.sandbox.send('delays', { changes: { clockOffsetMs } });
      const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
      const { machineId } = await reachesStep(world, run, 1, 12);
      await world.sandbox.send('delays', { changes: { clockOffsetMs: 0 } });
      await giveNotice(world, machineId);

      await succeeds(world, run, 60);
      const drained = await world.bucket.drained(run, 1);
      const account = JSON.stringify(drained);
      expect(drained?.drain, account).toMatchObject({ killed: false, newCheckpoint: true, notDurable: [] });
      expect(drained?.drain.windowMs, account).toBeGreaterThan(8000);
      expect(drained?.drain.windowMs, account).toBeLessThanOrEqual(13_000);
      expect(drained?.drain.durableStep, account).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
      expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
      await checkAfter(world, run);
    });

  test('on every machine of the run: the last of them deletes its fleet all the same', async () => {
    await using world = await World.start({ versioned: true });
    await world.sandbox.send('delays', { changes: { clockOffsetMs: 3_600_000 } });
    const run = await launchDetached(world, 'counter', { args: ['20', '0.1'] });
    await succeeds(world, run, 20);
    await checkAfter(world, run);
  });
});
