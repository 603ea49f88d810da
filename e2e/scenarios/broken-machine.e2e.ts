import { execa } from 'execa';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { checkAfter } from '../support/checker.ts';
import { launchDetached } from '../support/launching.ts';
import { World } from '../support/world.ts';

test('a full disk ends the run with its reason, and what was saved before is whole', async (context) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) context.skip('a small disk needs root on Linux');
  await using world = await World.start();
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

test('the clock of the machine is an hour off', (context) => {
  context.skip('at the levels process and lite an instance has the clock of the host');
});
