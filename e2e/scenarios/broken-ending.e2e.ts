import { DescribeFleetsCommand } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { parseIndexKey } from '@runctl/protocol';
import { onInstance } from '../support/agent-process.ts';
import { breakS3, cutOff, giveNotice, livingInstances } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, projectWith, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

test.concurrent('three boots that fail before the agent end the launch, and everybody is told why', async () => {
  await using world = await World.start();
  await breakS3(world, [
    {
      match: { keyPattern: 'tools/agent-*', operations: ['GetObject'] },
      effect: { kind: 'status', status: 404, code: 'NoSuchKey' },
    },
  ]);
  const script = await projectWith(world, 'counter');
  const launched = await world.runctl(['launch', script, '--yes', '--', '30', '0.1']);
  expect(launched, launched.stderr).toMatchObject({ exitCode: 20 });
  expect(launched.stdout + launched.stderr).toContain('fetching the agent');
  const [index = ''] = await world.bucket.keys('index/');
  const run = parseIndexKey(index)?.run ?? 'no run';
  expect(await world.bucket.outcome(run)).toMatchObject({ status: 'failed', cause: 'boot-failed' });
  const status = await world.runctl(['status', run]);
  expect(status.stdout).toContain('fetching the agent');
  await checkAfter(world, run);
});

test.concurrent('who cannot delete its fleet stays on, says so, and tries until it can', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['20', '0.1'] });
  await reachesStep(world, run, 1, 2);
  await world.sandbox.send('fail-next', { action: 'DeleteFleet', code: 'unexpectedError', times: 4 });
  const refused = await eventually('the refusal is told', async () => {
    const status = await world.bucket.status(run, 1);
    return status?.doing.includes('could not be deleted') === true && status;
  });
  expect(await livingInstances(world, run)).toEqual([refused.instanceId]);
  const shown = await world.runctl(['wait', run]);
  expect(shown, shown.stderr).toMatchObject({ exitCode: 0 });
  await checkAfter(world, run);
  expect(await world.bucket.status(run, 2)).toBeNull();
});

describe.concurrent('the laptop dies between making the fleet and writing its id down', () => {
  for (const [what, goesOn] of [
    ['the run goes on, and status and stop find it', true],
    ['a fleet without a machine is found by its tags', false],
  ] as const)
    test(what, async () => {
      await using world = await World.start();
      if (!goesOn) await world.sandbox.send('capacity', { capacity: 0 });
      await breakS3(world, [
        { match: { keyPattern: '*/fleet.json', operations: ['PutObject'] }, effect: { kind: 'delay', ms: 60_000 } },
      ]);
      const script = await projectWith(world, 'counter');
      const laptop = world.start(['launch', script, '--yes', '--json', '--', '400', '0.1']);
      await eventually('a fleet is made', async () => {
        const { Fleets = [] } = await world.ec2.send(new DescribeFleetsCommand({}));
        return Fleets.length > 0;
      });
      laptop.kill('SIGKILL');
      await laptop;
      await breakS3(world);
      const [index = ''] = await world.bucket.keys('index/');
      const run = parseIndexKey(index)?.run ?? 'no run';
      if (goesOn) await reachesStep(world, run, 1, 1);
      expect(await world.bucket.fleet(run)).toBeNull();
      expect(await world.runctl(['status', run])).toMatchObject({ exitCode: 0 });
      const stopped = await world.runctl(['stop', run]);
      expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
      expect(await world.bucket.outcome(run)).toMatchObject({ status: 'stopped' });
      await checkAfter(world, run);
    });
});

describe.concurrent('stop with nobody alive', () => {
  test('in a capacity gap', async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['400', '0.1'] });
    const { instanceId } = await reachesStep(world, run, 1, 12);
    await world.sandbox.send('capacity', { capacity: 0 });
    await giveNotice(world, instanceId);
    await eventually('nobody lives', async () => (await livingInstances(world, run)).length === 0);
    const durable = (await world.bucket.attemptOutcome(run, 1))?.durableStep;
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    expect(durable).toBeGreaterThanOrEqual(12);
    expect(await world.bucket.outcome(run)).toMatchObject({ status: 'stopped', cause: 'laptop', durableStep: durable });
    await checkAfter(world, run);
  });

  test('with an agent that is dead for good, on a machine that lives', async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['400', '0.1'] });
    const durable = await durableStep(world, run, 10);
    const [instanceId = ''] = await livingInstances(world, run);
    // Without its program the supervisor can start it no more.
    await onInstance(
      world,
      instanceId,
      'rm "$RUNCTL_INSTANCE_ROOT/opt/runctl/agent.mjs"; kill -9 $(sed -E \'s/.*"pid":([0-9]+).*/\\1/\' "$RUNCTL_INSTANCE_ROOT/run/runctl/agent.json")',
    );
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    const outcome = await world.bucket.outcome(run);
    expect(outcome).toMatchObject({ status: 'stopped', cause: 'laptop' });
    expect(outcome?.durableStep).toBeGreaterThanOrEqual(durable);
    await checkAfter(world, run);
  });

  test('with a machine that is cut off', async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['400', '0.1'] });
    await durableStep(world, run, 10);
    const [instanceId = ''] = await livingInstances(world, run);
    await cutOff(world, instanceId);
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    expect(await world.bucket.outcome(run)).toMatchObject({ status: 'stopped', cause: 'laptop' });
    await checkAfter(world, run);
  });
});
