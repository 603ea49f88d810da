import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { instanceHomes } from './instance-homes.ts';

test('homes of instances are found at every level, and none where nothing runs', async () => {
  await using folder = await temporaryFolder();
  expect(await instanceHomes(folder.path)).toEqual([]);
  const homes = ['i-1/root/home/ubuntu', 'i-2/private/home/ubuntu'].map((home) => join(folder.path, 'instances', home));
  for (const home of homes) await mkdir(home, { recursive: true });
  await mkdir(join(folder.path, 'instances/i-3'));
  expect(await instanceHomes(folder.path)).toEqual(homes);
});
