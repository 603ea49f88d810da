import { temporaryFolder } from '@runctl/testkit';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createToolFinder } from './tools.ts';

test('a cache that cannot be written keeps nobody from launching', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'home'), '');
  const find = createToolFinder({
    cacheFolder: join(folder.path, 'home', 'cache'),
    temporaryFolder: () => Promise.resolve(folder.path),
  });
  expect((await find()).node.sizeBytes).toBeGreaterThan(1_000_000);
});
