import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { forbiddenPath, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { folderContext, scanFolder } from './scan.ts';

const NO_OTHER_USER = 'this process can not act as an ordinary user';

const pathsIn = async (folder: string): Promise<string[]> => (await scanFolder(folder)).files.map((file) => file.path);

async function fill(root: string, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), 'content');
  }
}

test('a folder that does not exist is empty', async () => {
  await using folder = await temporaryFolder();
  expect(await pathsIn(join(folder.path, 'missing'))).toEqual([]);
});

test('finds regular files at every depth, in order, and nothing temporary or hidden', async () => {
  await using folder = await temporaryFolder();
  await fill(folder.path, 'b/deep/er/file', 'a', '.hidden', 'tmp-checkpoint-5/x', 'model.pt.tmp', 'c.part');
  expect(await pathsIn(folder.path)).toEqual(['a', 'b/deep/er/file']);
});

test('a folder that is marked incomplete is not there', async () => {
  await using folder = await temporaryFolder();
  await fill(
    folder.path,
    'checkpoint-5/model.bin',
    'checkpoint-5/checkpoint-is-incomplete.txt',
    'checkpoint-4/model.bin',
  );
  expect(await pathsIn(folder.path)).toEqual(['checkpoint-4/model.bin']);
});

test('follows links inside the folder and no others, and not in circles', async () => {
  await using folder = await temporaryFolder();
  await using outside = await temporaryFolder();
  await fill(folder.path, 'checkpoint-5/model.bin');
  await fill(outside.path, 'secret');
  await symlink('checkpoint-5/model.bin', join(folder.path, 'last.ckpt'));
  await symlink(join(outside.path, 'secret'), join(folder.path, 'leak'));
  await symlink(outside.path, join(folder.path, 'leaks'));
  await symlink('nowhere', join(folder.path, 'dangling'));
  await symlink('..', join(folder.path, 'checkpoint-5/circle'));
  const { files, passedOver } = await scanFolder(folder.path);
  expect(files.map((file) => file.path)).toEqual(['checkpoint-5/model.bin', 'last.ckpt']);
  expect(files[0]?.inode).toBe(files[1]?.inode);
  expect(passedOver).toMatchObject([
    { path: 'leak', why: expect.stringContaining('secret, outside of the checkpoint folder') },
    { path: 'leaks', why: expect.stringContaining('outside of the checkpoint folder') },
  ]);
});

test('a folder that may not be looked into is told and hides nothing else', async (context) => {
  await using folder = await temporaryFolder();
  await fill(folder.path, 'a/model.bin', 'b/model.bin', 'b/private/model.bin', 'z');
  await using forbidden = await forbiddenPath(join(folder.path, 'b/private'), { root: folder.path });
  if (forbidden === null) context.skip(NO_OTHER_USER);
  const { files, passedOver, unreadable } = await scanFolder(folder.path);
  expect(files.map((file) => file.path)).toEqual(['a/model.bin', 'b/model.bin', 'z']);
  expect(passedOver).toEqual([{ path: 'b/private', why: "can't be looked into (EACCES)" }]);
  expect(unreadable).toEqual(['b/private']);
});

test('a checkpoint folder that may not be looked into itself is an error', async (context) => {
  await using folder = await temporaryFolder();
  await fill(folder.path, 'saves/model.bin');
  await using forbidden = await forbiddenPath(join(folder.path, 'saves'), { root: folder.path });
  if (forbidden === null) context.skip(NO_OTHER_USER);
  await expect(scanFolder(join(folder.path, 'saves'))).rejects.toThrow(/EACCES/);
});

test('a FIFO is no file', async (context) => {
  if (platform() === 'win32') context.skip('no FIFOs on Windows');
  await using folder = await temporaryFolder();
  await promisify(execFile)('mkfifo', [join(folder.path, 'pipe')]);
  expect(await scanFolder(folder.path)).toMatchObject({
    files: [],
    passedOver: [{ path: 'pipe', why: 'is a pipe, and no checkpoint' }],
  });
});

test('reads small texts, and nothing large or missing', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'latest'), 'global_step5');
  await writeFile(join(folder.path, 'large'), 'x'.repeat(100_000));
  const context = folderContext(folder.path);
  expect([context.readText('latest'), context.readText('large'), context.readText('missing')]).toEqual([
    'global_step5',
    null,
    null,
  ]);
});
