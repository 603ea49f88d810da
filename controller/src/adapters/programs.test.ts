import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { programOnPath } from './programs.ts';

test('a program is the first executable file of its name on the PATH', async () => {
  await using folder = await temporaryFolder('runctl-programs');
  const [first, second] = [join(folder.path, 'first'), join(folder.path, 'second')];
  for (const each of [first, second]) await mkdir(each);
  await mkdir(join(first, 'git'));
  await writeFile(join(first, 'ssh'), 'no program');
  for (const name of ['git', 'ssh']) {
    await writeFile(join(second, name), '#!/bin/sh\n');
    await chmod(join(second, name), 0o755);
  }
  await symlink(join(second, 'git'), join(second, 'hub'));
  await symlink(join(second, 'gone'), join(second, 'dangling'));
  const PATH = `/nonexistent::${first}:${second}`;
  expect(await programOnPath('git', { PATH })).toBe(join(second, 'git'));
  expect(await programOnPath('ssh', { PATH })).toBe(join(second, 'ssh'));
  expect(await programOnPath('hub', { PATH })).toBe(join(second, 'hub'));
  expect(await programOnPath('dangling', { PATH })).toBeNull();
  expect(await programOnPath('rsync', { PATH })).toBeNull();
  expect(await programOnPath('git', {})).toBeNull();
});
