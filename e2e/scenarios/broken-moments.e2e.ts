import { describe, expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { after, breakS3, giveNotice, livingInstances, reachesPhase, succeeds } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

/** A checkpoint of 16 MiB in parts of 8 MiB takes two seconds at this rate, and longer while others are under way. */
const slowUploads = {
  match: { keyPattern: '*/data/*' },
  effect: { kind: 'bandwidth', bytesPerSecond: 4 << 20 },
};

/** Long enough for a kill to come first. */
const slowly = (keyPattern: string, operation: string) => ({
  match: { keyPattern, operations: [operation] },
  effect: { kind: 'delay', ms: 15_000 },
});

describe.concurrent('a notice at a bad moment', () => {
  test('while preparing: nothing was started, and the replacement starts', async () => {
    await using world = await World.start({ versioned: true });
    await breakS3(world, [slowly('code/*', 'GetObject')]);
    const run = await launchDetached(world, 'counter', { args: ['30', '0.1'] });
    const { machineId } = await reachesPhase(world, run, { generation: 1, phase: 'preparing' });
    await giveNotice(world, machineId);
    await breakS3(world);

    await succeeds(world, run, 30);
    expect(await world.bucket.attemptOutcome(run, 1)).toMatchObject({ status: 'interrupted', cause: 'notice' });
    expect(await world.bucket.started(run, 1)).toBeNull();
    expect(String(await world.bucket.log(run, 2))).toMatch(/^step 1$/m);
    await checkAfter(world, run);
  });

  test('again soon after resuming: each life hands on what the one before saved', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=25,35,45'] });
    await reachesStep(world, run, 1, 12);
    for (const generation of [1, 2, 3]) {
      const { machineId } = await reachesPhase(world, run, { generation, phase: 'running' });
      await giveNotice(world, machineId);
    }
    await succeeds(world, run, 60);
    for (const generation of [1, 2, 3]) {
      const outcome = await world.bucket.attemptOutcome(run, generation);
      expect(outcome).toMatchObject({ status: 'interrupted', cause: 'notice' });
      expect((await world.bucket.started(run, generation + 1))?.resumedFrom?.step).toBe(outcome?.durableStep);
    }
    await checkAfter(world, run);
  });

  test('during the upload of a large checkpoint: what was saved last is durable before the deadline', async () => {
    await using world = await World.start({ versioned: true, timeScale: 0.2 });
    const run = await launchDetached(world, 'heavy', { args: ['60', '0.1', '16', '0', '10', 'hold=45'] });
    await durableStep(world, run, 10);
    await breakS3(world, [slowUploads]);
    const { machineId } = await reachesStep(world, run, 1, 21);
    await giveNotice(world, machineId);
    await eventually('the drain is over', () => world.bucket.drained(run, 1));
    await breakS3(world);

    await succeeds(world, run, 60);
    const drained = await world.bucket.drained(run, 1);
    expect(drained?.drain).toMatchObject({ killed: false, newCheckpoint: true });
    const account = JSON.stringify(drained);
    expect(drained?.drain.durableStep, account).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
    expect(String(await world.bucket.log(run, 2))).toMatch(/^resumed at step \d+ whole$/m);
    await checkAfter(world, run);
  });
});

describe.concurrent('the agent is killed after a notice', () => {
  for (const phase of ['draining', 'flushing'] as const)
    test(`while ${phase}: the save is durable before the deadline all the same`, async () => {
      // A longer window: the restart of a killed agent takes two real seconds, whatever the time scale.
      await using world = await World.start({ versioned: true, timeScale: 0.2 });
      const run = await launchDetached(world, 'heavy', { args: ['60', '0.1', '16', '3', '10', 'hold=45'] });
      const { machineId } = await reachesStep(world, run, 1, 12);
      await breakS3(world, [slowUploads]);
      const pid = await agentProcess(world, run);
      await giveNotice(world, machineId);
      await reachesPhase(world, run, { generation: 1, phase });
      await onInstance(world, machineId, `kill -9 ${pid}`);
      await eventually('the drain is over', () => world.bucket.drained(run, 1));
      await breakS3(world);

      await succeeds(world, run, 60);
      const drained = await world.bucket.drained(run, 1);
      const account = JSON.stringify(drained);
      expect(drained?.drain, account).toMatchObject({ cause: 'notice', killed: false });
      expect(drained?.drain.durableStep, account).toBeGreaterThanOrEqual(12);
      expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
      expect(String(await world.bucket.log(run, 1)), account).toContain(
        `saved step ${drained?.drain.durableStep} after SIGTERM`,
      );
      expect(String(await world.bucket.log(run, 2))).toMatch(/^resumed at step \d+ whole$/m);
      await checkAfter(world, run);
    });
});

describe.concurrent('the agent is killed', () => {
  test('while preparing: the next one prepares again, and the script is started once', async () => {
    await using world = await World.start({ versioned: true });
    await breakS3(world, [slowly('code/*', 'GetObject')]);
    const run = await launchDetached(world, 'counter', { args: ['30', '0.1'] });
    const { machineId } = await reachesPhase(world, run, { generation: 1, phase: 'preparing' });
    await onInstance(world, machineId, `kill -9 ${await agentProcess(world, run)}`);
    await breakS3(world);

    await succeeds(world, run, 30);
    const log = String(await world.bucket.log(run, 1));
    expect(log.match(/^step \d+$/gm)).toEqual(Array.from({ length: 30 }, (_, index) => `step ${index + 1}`));
    expect(await world.bucket.status(run, 2)).toBeNull();
    await checkAfter(world, run);
  });

  test('while reporting a drain: the next one reports the same, and the replacement goes on from it', async () => {
    await using world = await World.start({ versioned: true, timeScale: 0.2 });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    await reachesStep(world, run, 1, 12);
    await breakS3(world, [slowly('*/attempts/*/drained.json', 'PutObject')]);
    const pid = await agentProcess(world, run);
    const { machineId } = await reachesPhase(world, run, { generation: 1, phase: 'running' });
    await giveNotice(world, machineId);
    await reachesPhase(world, run, { generation: 1, phase: 'reporting' });
    await onInstance(world, machineId, `kill -9 ${pid}`);
    await breakS3(world);

    await succeeds(world, run, 60);
    const drained = await world.bucket.drained(run, 1);
    const account = JSON.stringify(drained);
    expect(drained?.drain, account).toMatchObject({ cause: 'notice', killed: false, newCheckpoint: true });
    expect(drained?.drain.durableStep, account).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
    expect(await world.bucket.attemptOutcome(run, 1)).toMatchObject({ status: 'interrupted', exitCode: 143 });
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
    await checkAfter(world, run);
  });

  test('while reporting the end: the run has succeeded all the same, and nothing is trained twice', async () => {
    await using world = await World.start({ versioned: true });
    await breakS3(world, [slowly('*/attempts/*/outcome.json', 'PutObject')]);
    const run = await launchDetached(world, 'counter', { args: ['20', '0.1'] });
    const { machineId } = await reachesPhase(world, run, { generation: 1, phase: 'running' });
    const pid = await agentProcess(world, run);
    await reachesPhase(world, run, { generation: 1, phase: 'reporting' });
    await onInstance(world, machineId, `kill -9 ${pid}`);
    await breakS3(world);

    // The launch may be over before the attempt is reported: a script that is done has succeeded at once.
    await succeeds(world, run, 20);
    await eventually('the attempt is reported', () => world.bucket.attemptOutcome(run, 1));
    expect(await world.bucket.attemptOutcome(run, 1)).toMatchObject({ status: 'succeeded', exitCode: 0 });
    expect(String(await world.bucket.log(run, 1)).match(/^step 1$/gm)).toHaveLength(1);
    expect(await world.bucket.status(run, 2)).toBeNull();
    await checkAfter(world, run);
  });
});

describe.concurrent('a script that leaves something behind', () => {
  test('a grandchild that holds the output open does not keep the run from ending', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'grandchild');
    // The grandchild itself never ends.
    await succeeds(world, run, 1);
    await checkAfter(world, run);
  });

  test('a user stop during a drain changes nothing of the save, and ends the launch', async () => {
    await using world = await World.start({ versioned: true, timeScale: 0.2 });
    const run = await launchDetached(world, 'heavy', { args: ['60', '0.1', '1', '6', '10', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 12);
    await giveNotice(world, machineId);
    await reachesPhase(world, run, { generation: 1, phase: 'draining' });
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    const drained = await world.bucket.drained(run, 1);
    expect(drained?.drain).toMatchObject({ killed: false, newCheckpoint: true });
    expect(await world.bucket.outcome(run)).toMatchObject({
      status: 'stopped',
      durableStep: drained?.drain.durableStep,
    });
    await eventually('no machine lives', async () => (await livingInstances(world, run)).length === 0);
    await after(1000);
    expect(await livingInstances(world, run)).toEqual([]); // and none comes again
    await checkAfter(world, run);
  });
});
