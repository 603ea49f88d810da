import { open, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { linuxOpenWriters, openWritersFor } from './open-writers.ts';
import { scanFolder } from './scan.ts';

test('finds the files that a process has open for writing, and not those it reads', async (context) => {
  if (platform() !== 'linux') context.skip('only Linux has /proc');
  await using folder = await temporaryFolder();
  for (const name of ['written', 'appended', 'read', 'closed']) await writeFile(join(folder.path, name), 'content');
  await using written = await open(join(folder.path, 'written'), 'r+');
  await using appended = await open(join(folder.path, 'appended'), 'a');
  await using read = await open(join(folder.path, 'read'), 'r');
  expect([written.fd, appended.fd, read.fd]).not.toContain(-1);
  const { files } = await scanFolder(folder.path);
  const writers = await linuxOpenWriters().among(files);
  expect(files.filter((file) => writers?.has(file.inode)).map((file) => file.path)).toEqual(['appended', 'written']);
});

test('can not tell where there is no /proc', async () => {
  await using folder = await temporaryFolder();
  expect(await linuxOpenWriters(folder.path).among([])).toBeNull();
  expect(await openWritersFor('darwin').among([])).toBeNull();
});
