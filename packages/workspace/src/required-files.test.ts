import { temporaryFolder } from '@runctl/testkit';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { snapshot } from './snapshot.ts';
import { findStart } from './start/start.ts';

type Make = (root: string) => Promise<void>;

const program =
  (path: string): Make =>
  async (root) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), '#!/bin/sh\n', { mode: 0o755 });
    await chmod(join(root, path), 0o755);
  };
const linked =
  (path: string, target: string): Make =>
  async (root) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  };
const ignoring =
  (pattern: string): Make =>
  (root) =>
    writeFile(join(root, '.gitignore'), `${pattern}\n`);

/** Whether the snapshot of what `--interpreter` starts is made; else what the error says. */
async function started(interpreter: string, make: readonly Make[], include: readonly string[] = []): Promise<string> {
  await using folder = await temporaryFolder('runctl-required');
  const root = join(folder.path, 'project');
  await mkdir(root);
  await writeFile(join(root, 'train.py'), '');
  for (const each of make) await each(root);
  execFileSync('git', ['-C', root, 'init', '-q']);
  const start = await findStart(
    { kind: 'script', script: 'train.py', args: [] },
    { cwd: root, home: folder.path, interpreter },
  );
  const { script } = start.project;
  const required = [script, start.interpreterFile ?? null].filter((file) => file !== null);
  const exclude = ['checkpoints', 'results/out'];
  return await snapshot(root, { into: folder.path, required, include, exclude }).then(
    () => 'arrives',
    (error: { readonly code: string; readonly message: string }) => `${error.code}: ${error.message}`,
  );
}

const OUTSIDE =
  /^script-outside-project: venv\/bin\/python is a link to .*, outside the project, so it would not reach/;

test.each<[what: string, interpreter: string, make: readonly Make[], says: RegExp]>([
  ['a link that leads outside', 'venv/bin/python', [linked('venv/bin/python', '/bin/sh')], OUTSIDE],
  [
    'a link that leads outside by another',
    'venv/bin/python',
    [linked('venv/bin/python3', '/bin/sh'), linked('venv/bin/python', 'python3')],
    OUTSIDE,
  ],
  [
    'a file behind a folder that is a link to outside',
    'venv/bin/python',
    [
      program('venv/bin/python'),
      (root) => rename(join(root, 'venv'), `${root}-venv`),
      linked('venv', '../project-venv'),
    ],
    OUTSIDE,
  ],
  ['what git ignores', 'tools/py', [program('tools/py'), ignoring('tools/')], /tools\/py is ignored, so it would not/],
  [
    'a link to what git ignores',
    './py',
    [program('tools/py'), ignoring('tools/'), linked('py', 'tools/py')],
    /py is ignored, so it would not/,
  ],
  [
    'what lies among the checkpoints',
    'checkpoints/py',
    [program('checkpoints/py')],
    /lies in checkpoints, which stays/,
  ],
  ['what lies in the output', 'results/out/a/py', [program('results/out/a/py')], /lies in results\/out, which stays/],
  [
    'a link into a virtual environment',
    './py',
    [program('.venv/bin/py'), linked('py', '.venv/bin/py')],
    /py lies in \.venv, which stays/,
  ],
  ['what may hold secrets', '.env/bin/python', [program('.env/bin/python')], /may hold secrets by its name/],
])('an interpreter of the project that would not arrive is refused: %s', async (_, interpreter, make, says) => {
  expect(await started(interpreter, make)).toMatch(says);
});

test.each<[what: string, interpreter: string, make: readonly Make[], include?: readonly string[]]>([
  ['a file', 'tools/py', [program('tools/py')]],
  ['a link to a file', './py', [program('tools/py'), linked('py', 'tools/py')]],
  ['a link to a link', 'a/py', [program('tools/py'), linked('a/py', '../b'), linked('b', './tools/py')]],
  ['a file behind a link to a folder', 't/py', [program('tools/py'), linked('t', 'tools/')]],
  ['an ignored one that a pattern sends', 'tools/py', [program('tools/py'), ignoring('tools/')], ['tools/py']],
  ['one in a folder named like secrets that a pattern sends', '.env/py', [program('.env/py')], ['.env/py']],
  ['a program of the machine', 'python3.12', []],
])('and one that would is taken: %s', async (_, interpreter, make, include) => {
  expect(await started(interpreter, make, include)).toBe('arrives');
});
