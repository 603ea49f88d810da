import type { ObjectStore } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

/** Command lines that change nothing anywhere, or have not begun to. */
const ASKING = [
  ['status'],
  ['status', 'r-aaaaaaaaaa'],
  ['logs', 'r-aaaaaaaaaa'],
  ['attach', 'some-name'],
  ['wait', 'r-aaaaaaaaaa'],
  ['events', 'r-aaaaaaaaaa'],
  ['checkpoint', 'list', 'r-aaaaaaaaaa'],
  ['checkpoint', 'info', 'r-aaaaaaaaaa'],
  ['checkpoint', 'verify', 'r-aaaaaaaaaa'],
  ['s3', 'list', 's3://bucket/folder/'],
  ['s3', 'review'],
  ['launch', 'train.py', '--dry-run'],
  ['launch', 'train.py', '--yes'],
  ['stop', 'r-aaaaaaaaaa'],
  ['resume', 'r-aaaaaaaaaa', '--yes'],
];

test.each(ASKING)('Ctrl-C ends `%s %s %s` while the bucket says nothing', { timeout: 5000 }, async (...argv) => {
  await using scope = await commandWorld({ 'train.py': 'pass' });
  const { world } = scope;
  const asked = Promise.withResolvers<void>();
  world.cloudStore = frozen(world.store, asked.resolve);
  const { exitCode, stderr } = await world.run(
    argv.filter((word) => word !== undefined),
    async () => {
      await asked.promise;
      world.interrupts.press();
    },
  );
  expect(exitCode, stderr).toBe(130);
});

test.each([
  ['attach', []],
  ['logs', ['-f']],
])('Ctrl-C ends %s with its own words, also where the bucket answers late', { timeout: 5000 }, async (name, flags) => {
  await using scope = await commandWorld({ 'train.py': 'pass' });
  const { world } = scope;
  const asked = Promise.withResolvers<void>();
  world.cloudStore = frozen(world.store, asked.resolve);
  const { exitCode, stderr } = await world.run([name, ...flags, 'r-aaaaaaaaaa'], async () => {
    await asked.promise;
    world.interrupts.press();
  });
  expect(exitCode, stderr).toBe(130);
  expect(stderr).toContain('stopped watching; <run>');
  expect(stderr).not.toContain('error');
});

/** A store whose every call is heard and never answered. */
function frozen(store: ObjectStore, onCall: () => void): ObjectStore {
  const hang = (): Promise<never> => {
    onCall();
    return new Promise(() => {});
  };
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return String(name).startsWith('list') ? () => ({ [Symbol.asyncIterator]: () => ({ next: hang }) }) : hang;
    },
  });
}
