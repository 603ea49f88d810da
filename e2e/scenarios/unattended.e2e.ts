import { expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { jsonLines, launchDetached, projectWith, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

test.concurrent('the run completes without the laptop that launched it', async () => {
  await using world = await World.start();
  const script = await projectWith(world, 'counter');
  const laptop = world.start(['launch', script, '--yes', '--json', '--', '30', '0.1']);
  const run = await eventually('a run is launched', async () => {
    const [key] = await world.bucket.keys('index/');
    const id = key?.split('-').slice(1).join('-') ?? null;
    return id !== null && (await world.bucket.machines(id)) !== null && id;
  });
  laptop.kill('SIGKILL');
  await laptop;

  const outcome = await eventually('the run has its outcome', () => world.bucket.outcome(run));
  expect(outcome).toMatchObject({ status: 'succeeded', step: 30 });
  await checkAfter(world, run);
  // A second laptop, which knows nothing but the bucket, sees the same.
  const status = await world.runctl(['status', run, '--json'], { env: world.otherLaptop() });
  expect(status, status.stderr).toMatchObject({ exitCode: 0 });
  expect(status.stdout).toContain('succeeded');
});

test.concurrent('kill -9 on the agent does not touch the training, and nothing is lost or doubled', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['120', '0.1'] });
  const before = await reachesStep(world, run, 1, 10);
  await onInstance(world, before.machineId, `kill -9 ${await agentProcess(world, run)}`);
  const after = await reachesStep(world, run, 1, (before.step ?? 0) + 15);
  expect(after.pid).toBe(before.pid);

  const waited = await world.runctl(['wait', run]);
  expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
  const log = String(await world.bucket.log(run, 1));
  expect(log.match(/^step \d+$/gm)).toEqual(Array.from({ length: 120 }, (_, index) => `step ${index + 1}`));
  expect(await world.bucket.status(run, 2)).toBeNull();
  await checkAfter(world, run);
});

test.concurrent('a crash loop stops at its budget, deletes the fleet, and says why', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'crashes', { flags: ['--max-crashes', '3'] });
  const waited = await world.runctl(['wait', run]);
  expect(waited).toMatchObject({ exitCode: 20 });
  expect(waited.stderr).toContain('7');
  const outcome = await world.bucket.outcome(run);
  expect(outcome).toMatchObject({ status: 'failed', exitCode: 7 });
  const status = await world.runctl(['status', run]);
  expect(status.stdout).toContain(outcome?.message ?? 'no message');
  await checkAfter(world, run);
});

test.concurrent('stop saves a checkpoint first, and resume goes on from it', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', {
    args: ['60', '0.1', 'hold=45'],
    flags: ['--name', 'stop-and-go'],
  });
  await reachesStep(world, run, 1, 12);
  const stopped = await world.runctl(['stop', 'stop-and-go']);
  expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
  const outcome = await world.bucket.outcome(run, 1);
  expect(outcome).toMatchObject({ status: 'stopped', cause: 'user-stop' });
  expect(outcome?.durableStep).toBeGreaterThanOrEqual(12);
  expect(await world.runctl(['wait', run])).toMatchObject({ exitCode: 21 });
  await checkAfter(world, run);

  const resumed = await world.runctl(['resume', run, '--yes', '--detach', '--json']);
  expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
  expect(jsonLines(resumed).length).toBeGreaterThan(0);
  const waited = await world.runctl(['wait', run]);
  expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
  expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(outcome?.durableStep);
  await checkAfter(world, run);
});
