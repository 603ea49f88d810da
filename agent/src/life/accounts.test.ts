import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { RunWorld } from '../testing/run-world.ts';

test.concurrent('what is not kept of the checkpoint folder is told in the status, once', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.05'] });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  const checkpoints = `${machine.root}/home/ubuntu/project/checkpoints`;
  await eventually('the checkpoint folder', () => existsSync(checkpoints));
  await symlink('/etc/hostname', `${checkpoints}/host`);
  await eventually('the warning', async () => ((await world.status(1))?.warnings ?? []).length > 0);
  const step = (await world.latest())?.step ?? 0;
  await eventually('more passes', async () => ((await world.latest())?.step ?? 0) > step + 5);
  expect((await world.status(1))?.warnings).toEqual([
    expect.stringMatching(/^not kept: host is a link to \/etc\/hostname, outside of the checkpoint folder/),
  ]);
});

test.concurrent('a wish to save now is answered once what the script had finished by then is durable', async () => {
  const bucket = { refuses: true };
  const store = (memory: ObjectStore) =>
    intercepted(memory, ({ key }, perform) => {
      if (bucket.refuses && key?.includes('/data/') === true) throw new StoreError('transient', 'the test refuses');
      return perform();
    });
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['1000', '0.1'], store });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await world.reachesStep(1, 11);
  const nonce = await world.control('checkpoint');
  await world.reachesStep(1, 20);
  expect(await world.status(1)).toMatchObject({ savedFor: null, durable: null });
  bucket.refuses = false;
  await eventually('the answer', async () => (await world.status(1))?.savedFor !== null);
  const answered = await world.status(1);
  expect(answered?.savedFor).toMatchObject({ nonce, notDurable: [] });
  expect(answered?.durable?.step).toBeGreaterThanOrEqual(10);
  await eventually('an older wish is forgotten', async () => {
    const newer = await world.control('checkpoint');
    await world.reachesStep(1, ((await world.status(1))?.step ?? 0) + 5);
    return (await world.status(1))?.savedFor?.nonce === newer;
  });
});

test.concurrent(
  'a finished script whose last checkpoint the bucket refuses has not succeeded, and its end says so',
  async () => {
    const bucket = { refuses: false };
    const store = (memory: ObjectStore) =>
      intercepted(memory, ({ key, operation }, perform) => {
        if (bucket.refuses && operation !== 'get' && key?.includes('/data/') === true)
          throw new StoreError('denied', `${operation} s3://bucket/${key}: AccessDenied`, { code: 'AccessDenied' });
        return perform();
      });
    const timing = { refusedMs: 1000 };
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['15', '0.15', '9'], store, timing });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await eventually('a durable checkpoint', async () => (await world.latest())?.step === 5);
    bucket.refuses = true;
    await machine.letWorkloadGo();
    expect(await life).toBe('off');
    const told = /^the workload finished; not durable: step-15.json \(step 15\): .*AccessDenied$/;
    expect(await world.outcome()).toMatchObject({
      status: 'stopped',
      cause: 'exited',
      exitCode: 0,
      step: 15,
      durableStep: 5,
    });
    expect((await world.outcome())?.message).toMatch(told);
    expect((await world.attemptOutcome(1))?.message).toMatch(told);
    expect(await world.attemptOutcome(1)).toMatchObject({ status: 'stopped', exitCode: 0 });
    expect((await world.status(1))?.warnings).toEqual([
      expect.stringMatching(/^the bucket refuses checkpoints.*AccessDenied/),
    ]);
    expect(world.fleet.deletions).toBe(1);
  },
);

test.concurrent('a checkpoint folder that can not be made ends the run, and its end says why', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', checkpoint: { dir: 'counter.py/checkpoints' } });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({
    status: 'failed',
    cause: 'spawn-failed',
    message: expect.stringMatching(/ENOTDIR.*counter\.py\/checkpoints/) as string,
    durableStep: null,
  });
  expect(world.fleet.deletions).toBe(1);
});
