import { DescribeFleetsCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { parseIndexKey } from '@runctl/protocol';
import { describe, expect, test } from 'vitest';
import { breakS3, type S3Fault } from '../support/breaking.ts';
import { eventually } from '../support/eventually.ts';
import { launchDetached, projectWith } from '../support/launching.ts';
import type { Finished } from '../support/runctl.ts';
import { World } from '../support/world.ts';

/** Five minutes last three seconds. */
const TIME_SCALE = 0.01;
/** From the end of a machine to the next one of its fleet. */
const REPLACED_AFTER_MS = 3000;

/** Of machines, whichever they are, and of no laptop. */
const anyMachine = { principalInstanceId: '*' };

/** A role that lacks the rights, seen from the bucket: neither tools nor reports. */
function refusals(effect: S3Fault['effect']): S3Fault[] {
  return [
    { match: { ...anyMachine, keyPattern: 'tools/*' }, effect },
    { match: { ...anyMachine, keyPattern: 'runs/*/boot/*' }, effect },
  ];
}

async function worldOfMachines(): Promise<World> {
  const world = await World.start({ timeScale: TIME_SCALE });
  await world.sandbox.send('delays', { changes: { fleetLaunchDelayMs: REPLACED_AFTER_MS } });
  return world;
}

async function watched(world: World, ...flags: string[]): Promise<Finished> {
  return world.runctl(['launch', await projectWith(world, 'counter'), '--yes', ...flags, '--', '30', '0.1']);
}

async function onlyRun(world: World): Promise<string> {
  const [index = ''] = await world.bucket.keys('index/');
  return parseIndexKey(index)?.run ?? 'no run';
}

/** Machines that were ever paid for; none of them runs any more, and nothing makes another. */
async function machinesLost(world: World): Promise<number> {
  const isOver = async () => {
    const { Fleets = [] } = await world.ec2.send(new DescribeFleetsCommand({}));
    const { instances } = await world.sandbox.send('status', {});
    return (
      Fleets.every(({ FleetState }) => FleetState?.startsWith('deleted') === true) &&
      instances.every(({ state }) => state === 'terminated')
    );
  };
  await eventually('nothing costs any more', isOver, 60_000);
  return (await world.sandbox.send('status', {})).instances.length;
}

describe.concurrent('a machine whose bucket refuses it ends its launch itself, with nobody watching', () => {
  const denied = { kind: 'status', status: 403, code: 'AccessDenied' };

  test.each([
    ['where the bucket is not there', { kind: 'status', status: 404, code: 'NoSuchBucket' }],
    ['where its role lacks the rights', denied],
  ])('%s', async (_what, effect) => {
    await using world = await worldOfMachines();
    await breakS3(world, refusals(effect));
    const run = await launchDetached(world, 'counter', { flags: ['--no-first-boot-check'] });
    expect(await machinesLost(world)).toBe(1);
    expect(await world.bucket.outcome(run)).toMatchObject({ status: 'failed', cause: 'boot-failed' });
    const status = await world.runctl(['status', run]);
    expect(status.stdout).toMatch(/state +failed: no machine can begin; the last one at 'fetching the/);
  });

  test('where its role may do nothing at all, so that nobody can write how it ended', async () => {
    await using world = await worldOfMachines();
    await breakS3(world, [{ match: anyMachine, effect: denied }]);
    const run = await launchDetached(world, 'counter', { flags: ['--no-first-boot-check'] });
    expect(await machinesLost(world)).toBe(1);
    expect(await world.bucket.outcome(run)).toBeNull();
    expect((await world.runctl(['status', run])).stdout).toContain('stranded');
  });
});

describe.concurrent('who watches a launch ends it where its machines can not', () => {
  test('for machines without a way out, which nobody could see before', async () => {
    await using world = await worldOfMachines();
    await world.sandbox.send('way-out', { way: 'none' });
    await world.sandbox.send('fail-next', { action: 'DescribeRouteTables', code: 'UnauthorizedOperation' });
    const launched = await watched(world, '--detach');
    expect(launched, launched.stderr).toMatchObject({ exitCode: 20 });
    expect(launched.stderr).toContain('not known before the first machine runs');
    expect(launched.stderr).toMatch(/error\[boot-failed\]: 3 machines ended before an agent spoke/);
    expect(launched.stderr).toMatch(/hint: \S/);
    expect(await machinesLost(world)).toBeLessThanOrEqual(3);
    expect(await world.bucket.outcome(await onlyRun(world))).toMatchObject({ status: 'failed', cause: 'boot-failed' });
  }, 180_000);

  test('for machines that may not use the key of their disk', async () => {
    await using world = await worldOfMachines();
    await world.sandbox.send('fail-next', { action: 'boot', code: 'Client.InternalError', times: 10 });
    const launched = await watched(world);
    expect(launched, launched.stderr).toMatchObject({ exitCode: 20 });
    expect(launched.stderr).toMatch(
      /machine i-\w+ is gone: it could not be started: .* key .*\(Client\.InternalError\)/,
    );
    expect(launched.stderr).toMatch(/hint: give AWSServiceRoleForEC2Fleet .* a grant on the key/);
    expect(await machinesLost(world)).toBeLessThanOrEqual(3);
  });

  test('for machines that somebody ends in the console, again and again', async () => {
    await using world = await worldOfMachines();
    await world.sandbox.send('way-out', { way: 'transit-gateway' });
    await breakS3(world, [{ match: anyMachine, effect: { kind: 'delay', ms: 60_000 } }]);
    const over = new AbortController();
    const ending = (async () => {
      while (!over.signal.aborted) {
        const { instances } = await world.sandbox.send('status', {});
        const InstanceIds = instances.filter(({ state }) => state === 'running').map(({ instanceId }) => instanceId);
        if (InstanceIds.length > 0) await world.ec2.send(new TerminateInstancesCommand({ InstanceIds }));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    const launched = await watched(world);
    over.abort();
    await ending;
    expect(launched, launched.stderr).toMatchObject({ exitCode: 20 });
    expect(launched.stderr).toContain('it was ended from outside, in the console or by a call');
    expect(await machinesLost(world)).toBeLessThanOrEqual(3);
  });
});

test('subnets without a way out are refused before anything costs, and those with one are used alone', async () => {
  await using world = await worldOfMachines();
  await world.sandbox.send('way-out', { way: 'none' });
  const refused = await watched(world);
  expect(refused, refused.stderr).toMatchObject({ exitCode: 3, stdout: '' });
  expect(refused.stderr).toMatch(
    /error\[config-invalid\]: no machine could reach its bucket: the subnet subnet-\w+ of us-east-1a has no route out/,
  );
  expect(refused.stderr).toMatch(/hint: name other subnets with --subnet/);
  expect((await world.sandbox.send('status', {})).instances).toEqual([]);
  expect(await world.bucket.keys('index/')).toEqual([]);

  await world.sandbox.send('way-out', { zone: 'us-east-1b', way: 'nat-gateway' });
  const launched = await watched(world, '--detach');
  expect(launched, launched.stderr).toMatchObject({ exitCode: 0 });
  expect(launched.stderr).toMatch(/us-east-1a has no route out .*, so nothing is launched there/);
  const [machine] = (await world.sandbox.send('status', {})).instances;
  expect(machine).toMatchObject({ zone: 'us-east-1b' });
});
