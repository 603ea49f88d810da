import { writeFile } from 'node:fs/promises';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { scriptInterpreter } from './interpreter.ts';

test.each<[what: string, file: [name: string, content: string, mode: number], expected: readonly string[]]>([
  ['an executable with a line', ['run.sh', '#!/bin/bash\nset -o pipefail\n', 0o755], []],
  ['an executable Python script with a line', ['train.py', '#!/opt/other/bin/python\n', 0o755], []],
  ['a shell script with a line that is not executable', ['run.sh', '#!/bin/zsh\n', 0o644], ['/bin/zsh']],
  ['a line with an argument', ['run.sh', '#! /usr/bin/env bash \nexit\n', 0o644], ['/usr/bin/env', 'bash']],
  [
    'several words after the program, which are one argument',
    ['run', '#!/usr/bin/env -S a b\n', 0o644],
    ['/usr/bin/env', '-S a b'],
  ],
  ['a file that is nothing but a line', ['run', '#!/bin/sh', 0o644], ['/bin/sh']],
  ['a shell script without a line', ['run.sh', 'echo $BASH\n', 0o755], ['bash']],
  ['a Python script that is not executable', ['train.py', '#!/home/me/venv/bin/python\n', 0o644], ['python3']],
  ['a Python script without a line', ['train.py', 'print()\n', 0o755], ['python3']],
  ['a line that ends as on Windows', ['run.sh', '#!/bin/bash\r\necho\r\n', 0o755], ['bash']],
  ['a program', ['train', '\x7fELF', 0o755], []],
  ['an empty script', ['run.mjs', '', 0o644], ['node']],
])('%s', async (_what, [name, content, mode], expected) => {
  await using folder = await temporaryFolder('runctl-interpreter');
  const path = `${folder.path}/${name}`;
  await writeFile(path, content, { mode });
  expect((await scriptInterpreter(path)).command).toEqual(expected);
});
