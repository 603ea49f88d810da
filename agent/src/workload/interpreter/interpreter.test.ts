import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { findInterpreter } from './interpreter.ts';

const FILES: Readonly<Record<string, string>> = {
  'bin/python3': '\x7fELF',
  'bin/odd': '#!python3\n',
  'bin/launcher': '#!/usr/bin/env python3\nimport torch\n',
  'bin/plain': 'no line\n',
  'project/run': '#!/usr/bin/env -S python3 -u\n',
  'project/twice': '#!./run\n',
};

test.each<[what: string, command: readonly string[], path: string | null]>([
  ['a name in PATH', ['python3', 'train.py'], 'bin/python3'],
  ['the line of a script', ['./run'], 'bin/python3'],
  ['the line of a program in PATH', ['launcher', '--nproc', '2'], 'bin/python3'],
  ['a script that leads to a script', ['./twice'], 'bin/python3'],
  ['a program behind env', ['env', 'A=1', 'python3', 'train.py'], 'bin/python3'],
  ['a program without a line', ['plain'], 'bin/plain'],
  ['nothing for what is not there', ['gone'], null],
  ['nothing for a file that may not be executed', ['./data'], null],
])('finds %s', async (_what, command, path) => {
  await using folder = await temporaryFolder('runctl-interpreter');
  await mkdir(join(folder.path, 'bin'));
  await mkdir(join(folder.path, 'project'));
  await writeFile(join(folder.path, 'project/data'), '#!/bin/sh\n');
  for (const [name, content] of Object.entries(FILES)) {
    await writeFile(join(folder.path, name), content);
    await chmod(join(folder.path, name), 0o755);
  }
  await writeFile(join(folder.path, 'bin/env'), '\x7fELF', { mode: 0o755 });
  const environment = { PATH: `/nowhere:${folder.path}/bin` };
  const found = await findInterpreter([])({ command, folder: `${folder.path}/project`, environment });
  expect(found?.path ?? null).toBe(path === null ? null : join(folder.path, path));
});

test('asks it for its version, in the environment of the workload', async () => {
  await using folder = await temporaryFolder('runctl-interpreter');
  const environment = { PATH: `${folder.path}:/usr/bin:/bin` };
  const real = { command: ['/usr/bin/env', 'python3'], folder: '/', environment: { PATH: '/usr/bin:/bin' } };
  expect(await findInterpreter([])(real)).toMatchObject({ version: expect.stringMatching(/^Python 3\.\d/) });
  const other = { command: ['make'], folder: '/', environment };
  expect((await findInterpreter([])(other))?.version ?? null).toBeNull();
});

test('is asked as the user that the workload has', async () => {
  await using folder = await temporaryFolder('runctl-interpreter');
  const become = join(folder.path, 'become');
  await writeFile(become, '#!/bin/sh\necho "another user ran ${1##*/} $2"\n', { mode: 0o755 });
  await writeFile(join(folder.path, 'node'), '\x7fELF', { mode: 0o755 });
  const environment = { PATH: `${folder.path}:/usr/bin:/bin` };
  const found = await findInterpreter([become])({ command: ['node', 'train.mjs'], folder: '/', environment });
  expect(found).toEqual({ path: join(folder.path, 'node'), version: 'another user ran node --version' });
});
