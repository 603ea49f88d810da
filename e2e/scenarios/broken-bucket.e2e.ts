import { expect, test } from 'vitest';
import { breakS3, faultsApplied, livingInstances, succeeds, type S3Fault } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

const WRITES = [
  'PutObject',
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'CopyObject',
  'DeleteObjects',
  'DeleteObject',
];

const STEPS = 100;

/** What the instance is answered. */
const troubles: ReadonlyArray<[what: string, rule: Omit<S3Fault, 'name'>]> = [
  [
    'a bucket that turns read-only',
    { match: { operations: WRITES }, effect: { kind: 'status', status: 403, code: 'AccessDenied' } },
  ],
  ['a bucket that is gone', { match: {}, effect: { kind: 'status', status: 404, code: 'NoSuchBucket' } }],
  ['a role whose session is expired', { match: {}, effect: { kind: 'status', status: 400, code: 'ExpiredToken' } }],
];

test.concurrent.each(troubles)(
  '%s for a while neither stops the training nor harms what is durable',
  async (_what, rule) => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: [String(STEPS), '0.2'] });
    const durable = await durableStep(world, run, 5);
    const { machineId } = await reachesStep(world, run, 1, 6);
    await breakS3(world, [{ ...rule, name: 'trouble', match: { ...rule.match, principalInstanceId: machineId } }]);
    await eventually('the agent has met it', async () => ((await faultsApplied(world))['trouble'] ?? 0) >= 10);
    expect((await world.bucket.latest(run))?.step).toBeGreaterThanOrEqual(durable);
    await breakS3(world);
    await succeeds(world, run, STEPS);
    expect((await world.bucket.latest(run))?.step).toBe(STEPS);
    const log = String(await world.bucket.log(run, 1));
    expect(log.match(/^step \d+$/gm)).toHaveLength(STEPS);
    // One life on one machine.
    expect(await world.bucket.status(run, 2)).toBeNull();
    await checkAfter(world, run);
  },
  180_000,
);

test.concurrent(
  'a bucket that stays away: the training ends, and no machine lives on for it',
  async () => {
    await using world = await World.start({ timeScale: 0.04 });
    const run = await launchDetached(world, 'counter', { args: ['20', '0.1'] });
    const durable = await durableStep(world, run, 5);
    await breakS3(world, [{ match: {}, effect: { kind: 'status', status: 404, code: 'NoSuchBucket' } }]);
    const status = await world.runctl(['status', run]);
    expect(status).toMatchObject({ exitCode: 10 });
    expect(status.stderr).toMatch(/^error\[bucket-not-found\].*\nhint: \S/m);
    await eventually('the machine is gone', async () => (await livingInstances(world, run)).length === 0, 150_000);
    await breakS3(world);
    expect((await world.bucket.latest(run))?.step).toBeGreaterThanOrEqual(durable);
    await checkAfter(world, run);
  },
  200_000,
);
