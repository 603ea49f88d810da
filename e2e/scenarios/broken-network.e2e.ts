import { ModifyFleetCommand } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { encodeDocument, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import {
  after,
  breakS3,
  cutOff,
  faultsApplied,
  giveNotice,
  livingInstances,
  reachesPhase,
  succeeds,
} from '../support/breaking.ts';
import { onInstance } from '../support/agent-process.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

describe.concurrent('S3 fails during the drain', () => {
  test('back before the deadline: nothing is lost', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 12);
    await cutOff(world, machineId);
    await giveNotice(world, machineId);
    await after(2500);
    await cutOff(world, machineId, false);

    await succeeds(world, run, 60);
    const drained = await world.bucket.drained(run, 1);
    expect(drained?.drain).toMatchObject({ cause: 'notice', killed: false, newCheckpoint: true, notDurable: [] });
    expect(drained?.drain.durableStep).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
    await checkAfter(world, run);
  });

  test('only the checkpoint bytes fail, for half of the window: nothing is lost', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 12);
    const operations = ['PutObject', 'CreateMultipartUpload', 'UploadPart'];
    await breakS3(world, [
      { match: { keyPattern: '*/data/*', operations }, effect: { kind: 'status', status: 503, code: 'SlowDown' } },
      { match: { keyPattern: '*/manifests/*', operations }, effect: { kind: 'reset' } },
    ]);
    await giveNotice(world, machineId);
    await after(6000);
    await breakS3(world);

    await succeeds(world, run, 60);
    const drained = await world.bucket.drained(run, 1);
    expect(drained?.drain).toMatchObject({ cause: 'notice', killed: false, notDurable: [] });
    expect(drained?.drain.durableStep).toBeGreaterThanOrEqual(drained?.drain.stepAtStop ?? Infinity);
    await checkAfter(world, run);
  });

  test('not back: the last durable checkpoint is used', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const durable = await durableStep(world, run, 10);
    const { machineId } = await reachesStep(world, run, 1, 12);
    await cutOff(world, machineId);
    await giveNotice(world, machineId);

    await succeeds(world, run, 60);
    expect(await world.bucket.attemptOutcome(run, 1)).toBeNull();
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBeGreaterThanOrEqual(durable);
    await checkAfter(world, run);
  });
});

describe.concurrent('two machines of one run are alive', () => {
  test('only the holder of the lease publishes, and the other stops its training; an agent killed while it waits waits again', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['400', '0.1', 'hold=390'] });
    await durableStep(world, run, 10);
    const first = await reachesStep(world, run, 1, 12);
    const waiting = await standBy(world, run);
    await onInstance(
      world,
      waiting,
      'kill -9 $(sed -E \'s/.*"pid":([0-9]+).*/\\1/\' "$RUNCTL_INSTANCE_ROOT/run/runctl/agent.json")',
    );
    const fetched = 'ls -A "$RUNCTL_INSTANCE_ROOT"/home/*/project/.runctl-restore-checkpoints';
    await eventually('who waits has fetched the checkpoint', async () =>
      /^step-\d+\.json$/m.test(await onInstance(world, waiting, fetched)),
    );
    await cutOff(world, first.machineId);
    const second = await reachesStep(world, run, 2, 1);
    expect(second.machineId).toBe(waiting);
    const before = await world.bucket.keys(`${runKeys(run).manifestsFolder}000001-`);
    expect(isAlive(first.pid ?? 0), 'the training of the first goes on unaware').toBe(true);
    await cutOff(world, first.machineId, false);

    await eventually('the training of the first is ended', async () => !isAlive(first.pid ?? 0));
    await eventually(
      'the first is off',
      async () => !(await livingInstances(world, run)).includes(first.machineId),
      20_000,
    );
    expect(await world.bucket.keys(`${runKeys(run).manifestsFolder}000001-`)).toEqual(before);
    expect(await livingInstances(world, run)).toEqual([second.machineId]);
    await succeeds(world, run, 400);
    expect(await world.bucket.status(run, 3)).toBeNull();
    await checkAfter(world, run);
  });

  test('who survives its deadline yields to its replacement', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['250', '0.1', 'hold=45'] });
    const first = await reachesStep(world, run, 1, 12);
    await standBy(world, run);
    await giveNotice(world, first.machineId, true);
    const second = await reachesStep(world, run, 2, 1);
    expect(second.machineId).not.toBe(first.machineId);
    await eventually(
      'the survivor is off',
      async () => !(await livingInstances(world, run)).includes(first.machineId),
      40_000,
    );
    await succeeds(world, run, 250);
    expect(await world.bucket.status(run, 3)).toBeNull();
    await checkAfter(world, run);
  });

  test('who survives its deadline alone goes on training', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const first = await reachesStep(world, run, 1, 12);
    await world.sandbox.send('capacity', { capacity: 0 });
    await giveNotice(world, first.machineId, true);
    const second = await reachesStep(world, run, 2, 1);
    expect(second.machineId).toBe(first.machineId);
    await succeeds(world, run, 60);
    const drained = await world.bucket.drained(run, 1);
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
    await checkAfter(world, run);
  });
});

describe.concurrent('writes that nobody can be sure of', () => {
  test('writes whose answers are lost happen once', async () => {
    await using world = await World.start({ versioned: true });
    const lost = (name: string, keyPattern: string, operations: readonly string[]) => ({
      name,
      match: { keyPattern, operations },
      effect: { kind: 'drop-response' },
      times: 2,
    });
    await breakS3(world, [
      lost('latest', '*/latest.json', ['PutObject']),
      lost('lease', '*/lease.json', ['PutObject']),
      lost('manifest', '*/manifests/*', ['PutObject']),
      lost('complete', '*/data/*', ['CompleteMultipartUpload']),
      lost('attempt', '*/attempts/*/outcome.json', ['PutObject']),
      lost('log', '*/logs/*', ['PutObject']),
      lost('outcome', '*/launches/*/outcome.json', ['PutObject']),
    ]);
    const run = await launchDetached(world, 'heavy', { args: ['60', '0.1', '24', '0', '10', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 15);
    await giveNotice(world, machineId);
    await reachesPhase(world, run, { generation: 2, phase: 'running' });
    await succeeds(world, run, 60);
    const applied = await faultsApplied(world);
    expect(Object.entries(applied).filter(([, times]) => times === 0)).toEqual([]);
    expect(String(await world.bucket.log(run, 2))).toMatch(/^resumed at step \d+ whole$/m);
    await checkAfter(world, run);
  });

  test('a late manifest of a fenced life is never resumed from', async () => {
    await using world = await World.start({ versioned: true });
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=25,45'] });
    await durableStep(world, run, 10);
    const first = await reachesStep(world, run, 1, 12);
    const old = await world.bucket.latest(run);
    await giveNotice(world, first.machineId);
    const second = await reachesPhase(world, run, { generation: 2, phase: 'running' });
    // As a machine would that hung in the middle of its commit: whole in itself, and newer by its step than all others.
    const real = await world.bucket.manifest(old?.manifest ?? '');
    if (real === null) throw new Error('no manifest to forge one from');
    const forged = { ...real, seq: 99, step: 5000 };
    const key = runKeys(run).manifest({ generation: 1, seq: 99 });
    await world.bucket.write(key, encodeDocument(manifestSchema, forged));
    await giveNotice(world, second.machineId);

    await succeeds(world, run, 60);
    const resumedFrom = (await world.bucket.started(run, 3))?.resumedFrom;
    expect(resumedFrom).toMatchObject({ step: (await world.bucket.attemptOutcome(run, 2))?.durableStep, warnings: [] });
    expect(resumedFrom?.manifest).not.toBe(key);
    await checkAfter(world, run);
  });
});

/** A second machine of the run, whose agent is up and waits for the lease; the fleet wants only one again. Returns its id. */
async function standBy(world: World, run: string): Promise<string> {
  const fleetId = (await world.bucket.machines(run))?.ref['fleetId'];
  const FleetId = typeof fleetId === 'string' ? fleetId : undefined;
  const resize = (TotalTargetCapacity: number) =>
    world.ec2.send(
      new ModifyFleetCommand({
        FleetId,
        ExcessCapacityTerminationPolicy: 'no-termination',
        TargetCapacitySpecification: { TotalTargetCapacity },
      }),
    );
  await resize(2);
  const second = await eventually('a second machine', async () => (await livingInstances(world, run))[1] ?? null);
  await eventually('its agent is up', async () =>
    (await onInstance(world, second, 'cat "$RUNCTL_INSTANCE_ROOT/run/runctl/agent.json"')).includes('pid'),
  );
  await resize(1);
  return second;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
