import { S3Client } from '@aws-sdk/client-s3';
import { runKeys } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { onInstance } from '../support/agent-process.ts';
import { giveNotice, livingInstances } from '../support/breaking.ts';
import { Bucket } from '../support/bucket.ts';
import { eventually } from '../support/eventually.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

const SHOW_ROLE_KEYS = `imds=\${AWS_EC2_METADATA_SERVICE_ENDPOINT}latest
token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
curl -s -H "X-aws-ec2-metadata-token: $token" $imds/meta-data/iam/security-credentials/runctl-instance`;

/** The bucket with the rights of a machine's role, which its training script has as well. */
async function bucketOfRole(world: World, machineId: string): Promise<Bucket> {
  const keys = JSON.parse(await onInstance(world, machineId, SHOW_ROLE_KEYS)) as Record<string, string>;
  const credentials = {
    accessKeyId: keys['AccessKeyId'] ?? '',
    secretAccessKey: keys['SecretAccessKey'] ?? '',
    sessionToken: keys['Token'] ?? '',
  };
  const { endpoint, region, bucket } = world.region;
  return new Bucket(new S3Client({ endpoint, region, credentials, forcePathStyle: true }), bucket);
}

test.concurrent(
  'a script that rewrites its spec does not choose what the next machine runs, nor what a resume does',
  async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['2000', '0.1'] });
    const { machineId } = await reachesStep(world, run, 1, 2);
    const { spec } = runKeys(run);
    const role = await bucketOfRole(world, machineId);
    const own = (await role.bytes(spec))?.toString() ?? '';
    const forged = own.replace('"interpreter":["python3"]', '"interpreter":["sh","-c","touch $HOME/owned"]');
    expect(forged).not.toBe(own);
    await role.write(spec, Buffer.from(forged));

    await giveNotice(world, machineId);
    const outcome = await eventually('the launch is ended', () => world.bucket.outcome(run), 60_000);
    expect(outcome).toMatchObject({ status: 'failed', cause: 'boot-failed' });
    expect(outcome.message).toContain(`${spec} has SHA-256`);
    const status = await world.runctl(['status', run]);
    expect(status.stdout).toContain(`${spec} has SHA-256`);
    expect(await world.bucket.status(run, 2)).toBeNull();

    const resumed = await world.runctl(['resume', run, '--yes', '--detach']);
    expect(resumed).toMatchObject({
      exitCode: 11,
      stderr: expect.stringContaining('error[not-as-launched]') as unknown,
    });
    await eventually('no machine of it lives', async () => (await livingInstances(world, run)).length === 0);
    expect(await world.bucket.status(run, 2)).toBeNull();
  },
);

test.concurrent('a script that replaces the agent in the bucket does not get it run on the next machine', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['2000', '0.1'] });
  const { machineId } = await reachesStep(world, run, 1, 2);
  const role = await bucketOfRole(world, machineId);
  const [agent = ''] = await role.keys('tools/agent-');
  await role.write(agent, Buffer.from('import { writeFileSync } from "node:fs"; writeFileSync("/tmp/owned", "");'));

  await giveNotice(world, machineId);
  await eventually('the next machine has refused it', async () => {
    const next = (await livingInstances(world, run)).find((id) => id !== machineId);
    if (next === undefined) return false;
    return (await world.sandbox.send('console', { instanceId: next })).text.includes(`${agent}: sha256 is `);
  });
  expect(await world.bucket.status(run, 2)).toBeNull();
});

test.concurrent('a heartbeat that another run forges lasts until the next one, and decides nothing', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=40'] });
  const { machineId } = await reachesStep(world, run, 1, 3);
  const role = await bucketOfRole(world, machineId);
  const key = runKeys(run).attempt(1, 0).status;
  const forged = (await role.bytes(key))?.toString().replace(/"step":\d+/, '"step":999999') ?? '';
  expect(forged).toContain('999999');
  await role.write(key, Buffer.from(forged));
  await eventually('the next heartbeat', async () => (await world.bucket.status(run, 1))?.step !== 999_999);
  expect(await livingInstances(world, run)).toEqual([machineId]);
  expect(await world.bucket.outcome(run)).toBeNull();
});
