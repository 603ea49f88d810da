import { DescribeFleetsCommand } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { parseIndexKey } from '@runctl/protocol';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { breakS3, cutOff, giveNotice, livingInstances } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, projectWith, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

const SHOW_AGENT_LOG = 'cat "$RUNCTL_INSTANCE_ROOT/var/log/runctl-agent.log"';

test.concurrent('three boots that fail before the agent end the launch, and everybody is told why', async () => {
  await using world = await World.start({ timeScale: 0.02 });
  await breakS3(world, [
    {
      match: { keyPattern: 'tools/agent-*', operations: ['GetObject'] },
      effect: { kind: 'status', status: 500, code: 'InternalError' },
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
  const run = await launchDetached(world, 'counter', { args: ['20', '0.5'] });
  await reachesStep(world, run, 1, 2);
  await world.sandbox.send('fail-next', { action: 'DeleteFleet', code: 'unexpectedError', times: 4 });
  const refused = await eventually('the refusal is told', async () => {
    const status = await world.bucket.status(run, 1);
    return status?.doing.includes('could not be deleted') === true && status;
  });
  expect(await livingInstances(world, run)).toEqual([refused.machineId]);
  const shown = await world.runctl(['wait', run]);
  expect(shown, shown.stderr).toMatchObject({ exitCode: 0 });
  await checkAfter(world, run);
  expect(await world.bucket.status(run, 2)).toBeNull();
});

describe.concurrent('the launch has its outcome, and its fleet stands', () => {
  test('neither the next agent nor the next machine trains, and who can deletes the fleet', async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['20', '0.5'] });
    const { machineId } = await reachesStep(world, run, 1, 2);
    await world.sandbox.send('throttle', { action: 'DeleteFleet', everyNth: 1 });
    const outcome = await eventually('the outcome', () => world.bucket.outcome(run));
    const first = await agentProcess(world, run);
    await onInstance(world, machineId, `kill -9 ${first}`);
    await eventually('the next agent is up', async () => (await agentProcess(world, run)) !== first);
    expect(await livingInstances(world, run)).toEqual([machineId]);

    await world.sandbox.send('interrupt', { target: { instanceId: machineId }, notice: false });
    const successor = await eventually('the next machine is up', async () => {
      const [living] = await livingInstances(world, run);
      return living !== undefined && living !== machineId && living;
    });
    await eventually('it cannot delete the fleet either', async () =>
      (await onInstance(world, successor, SHOW_AGENT_LOG)).includes('the fleet could not be deleted'),
    );
    await world.sandbox.send('throttle', { action: 'DeleteFleet', everyNth: null });
    await checkAfter(world, run);
    expect(await world.bucket.outcome(run)).toEqual(outcome);
    expect(outcome).toMatchObject({ status: 'succeeded', step: 20 });
    expect(await world.bucket.status(run, 2)).toBeNull();
    expect(await world.runctl(['wait', run])).toMatchObject({ exitCode: 0 });
  });

  test('a machine that may not delete its fleet trains nothing, says why, and stays until it could', async () => {
    await using world = await World.start();
    const right = { action: 'DeleteFleets', code: 'UnauthorizedOperation' };
    // The proof at its start, and two tries at its end.
    await world.sandbox.send('fail-next', { ...right, times: 3 });
    const run = await launchDetached(world, 'counter', { args: ['20', '0.1'], flags: ['--no-first-boot-check'] });
    const waited = await world.runctl(['wait', run]);
    expect(waited, waited.stderr).toMatchObject({ exitCode: 20 });
    const outcome = await world.bucket.outcome(run);
    expect(outcome).toMatchObject({ status: 'failed', step: null, durableStep: null });
    expect(outcome?.message).toMatch(
      /may not delete its fleet fleet-\S+, so nothing would ever end it; nothing was trained/,
    );
    expect((await world.runctl(['status', run])).stdout).toContain(outcome?.message);
    expect(await world.bucket.started(run, 1)).toBeNull();
    await checkAfter(world, run);
  });
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
        { match: { keyPattern: '*/machines.json', operations: ['PutObject'] }, effect: { kind: 'delay', ms: 60_000 } },
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
      expect(await world.bucket.machines(run)).toBeNull();
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
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 12);
    await world.sandbox.send('capacity', { capacity: 0 });
    await giveNotice(world, machineId);
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
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const durable = await durableStep(world, run, 10);
    const [machineId = ''] = await livingInstances(world, run);
    // Without its program the supervisor can start it no more.
    await onInstance(
      world,
      machineId,
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
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    await durableStep(world, run, 10);
    const [machineId = ''] = await livingInstances(world, run);
    await cutOff(world, machineId);
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    expect(await world.bucket.outcome(run)).toMatchObject({ status: 'stopped', cause: 'laptop' });
    await checkAfter(world, run);
  });
});
