import { isRunctlError } from '@runctl/core';
import { decodeDocument, leaseDocument, runKeys } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { succeeds } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

const STEPS = 60;

/** What somebody does to `lease.json` who is no part of the run. */
const harms: ReadonlyArray<[what: string, harm: (world: World, key: string) => Promise<void>]> = [
  ['deleted', (world, key) => world.bucket.delete(key)],
  ['damaged', (world, key) => world.bucket.write(key, '{"version":1,"generation":')],
];

/** Null while it is lost. */
async function leaseOf(world: World, run: string) {
  const { lease } = runKeys(run);
  const bytes = await world.bucket.bytes(lease);
  try {
    return bytes === null ? null : decodeDocument(leaseDocument, bytes, lease);
  } catch (error) {
    if (isRunctlError(error, 'internal')) return null;
    throw error;
  }
}

test.concurrent.each(harms)(
  'a lease that is %s while the run lives is written anew, and the training goes on',
  async (_what, harm) => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: [String(STEPS), '0.2'] });
    await reachesStep(world, run, 1, 5);
    await harm(world, runKeys(run).lease);
    const status = await world.runctl(['status', run]);
    expect(status, status.stderr).toMatchObject({ exitCode: 0 });
    const lease = await eventually('its holder has written it anew', () => leaseOf(world, run));
    expect(lease).toMatchObject({ generation: 1, released: false });
    await succeeds(world, run, STEPS);
    expect(await world.bucket.status(run, 2)).toBeNull();
    await checkAfter(world, run);
  },
  120_000,
);

test.concurrent.each(harms)(
  'a run whose lease is %s while no machine lives resumes above the generations that it had',
  async (_what, harm) => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: [String(STEPS), '0.2'] });
    await durableStep(world, run, 5);
    const stopped = await world.runctl(['stop', run]);
    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
    const durable = (await world.bucket.latest(run))?.step ?? 0;
    await harm(world, runKeys(run).lease);
    const resumed = await world.runctl(['resume', run, '--yes', '--detach', '--json']);
    expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
    await eventually('the second launch has ended', () => world.bucket.outcome(run, 2));
    expect(await world.bucket.outcome(run, 2)).toMatchObject({ status: 'succeeded' });
    expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(durable);
    expect((await world.bucket.latest(run))?.step).toBe(STEPS);
    // The machine lets go of it after it has written the outcome.
    const lease = await eventually('the lease is released', async () => {
      const read = await leaseOf(world, run);
      return read?.released === true && read;
    });
    expect(lease).toMatchObject({ generation: 2 });
    await checkAfter(world, run);
  },
  120_000,
);
