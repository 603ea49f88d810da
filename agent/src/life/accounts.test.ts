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
