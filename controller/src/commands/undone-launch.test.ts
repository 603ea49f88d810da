import { intercepted, StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

test('a launch that was undone can be begun again, and gets its machine', async () => {
  await using scope = await commandWorld({ 'requirements.txt': '', 'train.py': 'print("hello")\n' });
  const { world } = scope;
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  const run = await world.launched();
  await run.outcome({ status: 'stopped' });
  await world.endsOutside(run.run);
  // The provider has made the machines, and nobody could write down under which name.
  world.cloudStore = intercepted(world.store, ({ key, operation }, perform) =>
    operation === 'put' && key?.endsWith('launches/0002/machines.json') === true
      ? Promise.reject(new StoreError('denied', 'the bucket refuses'))
      : perform(),
  );
  const undone = await world.run(['resume', 'mine', '--yes', '--detach']);
  expect(undone.stderr).toContain('nothing of the launch is left');
  expect(world.capacityStates()).toEqual(['ended', 'ended']);
  world.cloudStore = world.store;
  expect(await world.run(['resume', 'mine', '--yes', '--detach'])).toMatchObject({ exitCode: 0 });
  expect(world.capacityStates()).toEqual(['ended', 'ended', 'active']);
});
