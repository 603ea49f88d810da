import { expect, test } from 'vitest';
import { runKeys } from '@runctl/protocol';
import { agentProcess, instanceOf, onInstance } from '../support/agent-process.ts';
import { breakS3, faultsApplied } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

/** Counts parts of a step's file that come over the network from now on, those of the given numbers, and harms none. */
async function countParts(world: World, partNumbers?: readonly number[]): Promise<(step: number) => Promise<number>> {
  const rules = [1, 2].map((step) => ({
    name: String(step),
    match: {
      keyPattern: `*/data/*/step-00000${step}.bin`,
      operations: ['UploadPart'],
      ...(partNumbers === undefined ? {} : { partNumbers }),
    },
    effect: { kind: 'delay', ms: 0 },
  }));
  await breakS3(world, rules);
  return async (step) => (await faultsApplied(world))[String(step)] ?? 0;
}

/** What the workload writes before it waits. */
const WRITTEN_BYTES = 20 * 1024 ** 2;
/** Of 8 MiB. */
const FULL_PARTS = [1, 2];

test('a checkpoint is uploaded while it is written, and an agent that is killed meanwhile sends no part again', async () => {
  await using world = await World.start();
  const parts = await countParts(world);
  const run = await launchDetached(world, 'grows', { args: ['2'] });
  const instance = await instanceOf(world, run);
  const goOn = (step: number) =>
    onInstance(world, instance, `touch "$RUNCTL_INSTANCE_ROOT/var/lib/runctl/${run}/script/go-${step}"`);
  const durable = (step: number) =>
    eventually(`step ${step} is durable`, async () => ((await world.bucket.latest(run))?.step ?? 0) >= step);

  // 20 of 26 MiB are written: two full parts and a half one.
  await eventually('all that is written is in the bucket', async () => (await parts(1)) >= 3);
  expect(await world.bucket.latest(run)).toBeNull();
  expect(await world.bucket.keys(runKeys(run).dataRoot)).toEqual([]);
  await goOn(1);
  await durable(1);
  expect(await parts(1)).toBeLessThanOrEqual(6);

  const before = await reachesStep(world, run, 1, 2);
  await eventually('the second one is on its way', async () => (await parts(2)) >= 3);
  // And has arrived: a part that the kill cuts off has to be sent again. Whether the agent has noted it makes no difference.
  const data = runKeys(run).dataRoot;
  await eventually('S3 has what was sent', async () => (await world.bucket.unfinishedBytes(data)) === WRITTEN_BYTES);
  const killed = await agentProcess(world, run);
  await onInstance(world, instance, `kill -9 ${killed}`);
  const sentAgain = await countParts(world, FULL_PARTS);
  await eventually('another agent', async () => (await agentProcess(world, run).catch(() => killed)) !== killed);
  await goOn(2);
  await durable(2);
  expect(await world.bucket.status(run, 2), 'a new generation begins anew').toBeNull();
  // Only the end of what was written is sent anew as it grows.
  expect(await sentAgain(2)).toBe(0);
  expect(before.generation).toBe(1);
  const waited = await world.runctl(['wait', run]);
  expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
  await checkAfter(world, run);
});
