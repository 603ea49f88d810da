import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { findStart, type AskedStart, type Start } from './start.ts';

/** Those that begin with `#!` are executable, but for `unmarked.sh`. */
const FILES: Readonly<Record<string, string>> = {
  '.runctl.toml': '',
  'pkg/__init__.py': '',
  'pkg/words.py': 'WORD = "relative"\n',
  'pkg/train.py': 'from .words import WORD\nimport sys\nprint("ran", __package__, WORD, sys.argv[1:])\n',
  'pkg/mixed.py': 'import words\nimport pkg.words\nprint("ran", __package__, words.WORD)\n',
  'pkg/marked.py': '#!/usr/bin/env python3\nfrom .words import WORD\nprint("ran", WORD)\n',
  'pkg/train-v2.py': 'from .words import WORD\nprint("ran", WORD)\n',
  'pkg/run.sh': '#!/bin/sh\necho "ran in $(basename "$PWD")"\n',
  'pkg/__main__.py': 'print("ran main of", __package__)\n',
  'pkg/deep/__init__.py': '',
  'pkg/deep/go.py': 'from ..words import WORD\nprint("ran", WORD)\n',
  'src/laid/__init__.py': '',
  'src/laid/out.py': 'import laid, os\nprint("ran", laid.__name__, os.path.basename(os.getcwd()))\n',
  'empty/__init__.py': '',
  'empty/train.py': 'print("ran")\n',
  'my train.py': 'import sys\nprint("ran with spaces", sys.argv[1:])\n',
  'unmarked.sh': '#!/bin/bash\nset -o pipefail\necho "ran in ${BASH##*/}"\n',
  run: '#!/bin/bash\necho "ran $1"\n',
  windows: '#!/bin/bash\r\necho ran\r\n',
  'windows.sh': 'echo ran\r\n',
  Makefile: 'train:\n\t@echo "ran by make"\n',
  'tool/__main__.py': 'import cli\n',
  'tool/cli.py': 'import os\nprint("ran in", os.path.basename(os.getcwd()))\n',
  'chdir.py': 'import os\nprint("ran in", os.path.basename(os.getcwd()))\n',
  'größe.py': 'print("ran größe")\n',
};

const script = (path: string, ...args: string[]): AskedStart => ({ kind: 'script', script: path, args });
const module = (name: string, ...args: string[]): AskedStart => ({ kind: 'module', module: name, args });
const command = (...words: string[]): AskedStart => ({ kind: 'command', command: words });

async function projectFolder(more: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder('runctl-start');
  const root = join(folder.path, 'project');
  for (const [name, content] of Object.entries({ ...FILES, ...more })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
    if (content.startsWith('#!') && name !== 'unmarked.sh') await chmod(join(root, name), 0o755);
  }
  await symlink('run', join(root, 'linked'));
  const find = (asked: AskedStart, below = '', interpreter?: string): Promise<Start> =>
    findStart(asked, { cwd: join(root, below), home: '/home/nobody', interpreter });
  return { root, find, path: folder.path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** What it prints elsewhere, started as the agent starts it (agent/src/workload/environment.ts). */
async function output({ words }: Start, project: string): Promise<string> {
  const roots = words.kind === 'module' ? words.importRoots.map((root) => join(project, root)) : [];
  const [file = '', ...args] =
    words.kind === 'command'
      ? words.command
      : words.kind === 'module'
        ? [...words.interpreter, '-m', words.module, ...words.args]
        : words.interpreter.length > 0
          ? [...words.interpreter, words.script, ...words.args]
          : [`./${words.script}`, ...words.args];
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', ...(roots.length === 0 ? {} : { PYTHONPATH: roots.join(':') }) };
  const cwd = join(project, words.kind === 'command' ? words.folder : '');
  return (await promisify(execFile)(file, args, { cwd, env })).stdout;
}

test.each<[what: string, asked: AskedStart, says: RegExp, below?: string]>([
  ['a module', module('pkg.train', '--lr', '1'), /^ran pkg relative \['--lr', '1'\]/],
  ['a module with a dash in its name', module('pkg.train-v2'), /^ran relative/],
  ['a package with a main', module('pkg'), /^ran main of pkg/],
  ['a module below src', module('laid.out'), /^ran laid project/],
  ['a module below the folder where one stands', module('laid.out'), /^ran laid project/, 'src'],
  ['a module of the standard library', module('platform'), /Linux|macOS/],
  ['a launcher that is a module', module('cProfile', '-m', 'pkg.train'), /^ran pkg relative/],
  ['a script of a package', script('pkg/train.py', 'a b'), /^ran pkg relative \['a b'\]/],
  ['the same from where it lies', script('train.py'), /^ran pkg relative/, 'pkg'],
  ['a script of a package that imports its neighbour', script('pkg/mixed.py'), /^ran pkg relative/],
  ['a script of a package with an interpreter of its own', script('pkg/marked.py'), /^ran relative/],
  ['a package within a package', script('pkg/deep/go.py'), /^ran relative/],
  ['the main of a package', script('pkg/__main__.py'), /^ran main of pkg/],
  ['a shell script of a package', script('pkg/run.sh'), /^ran in project/],
  ['a script of a package below src', script('src/laid/out.py'), /^ran laid project/],
  ['a name with spaces', script('my train.py', 'x'), /^ran with spaces \['x'\]/],
  ['a name that is not ASCII', script('größe.py'), /^ran größe/],
  ['a line of a script that is not executable', script('unmarked.sh'), /^ran in bash/],
  ['an executable', script('run', 'far'), /^ran far/],
  ['an executable by a link', script('linked', 'far'), /^ran far/],
  ['an executable as a command', command('./run', 'far'), /^ran far/],
  ['an executable as a command, by a link', command('./linked', 'far'), /^ran far/],
  ['a command above the folder where one stands', command('../run', 'far'), /^ran far/, 'tool'],
  ['a program of the machine', command('make', 'train'), /^ran by make/],
  ['a line for a shell', command('bash', '-c', 'cd tool && python3 cli.py'), /^ran in tool/],
  ['a variable before a program', command('env', 'A=1', 'python3', '-c', 'print("ran")'), /^ran/],
  ['a command where one stands', command('python3', 'cli.py'), /^ran in tool/, 'tool'],
  ['a line for a strict shell', command('bash', '-euo', 'pipefail', '-c', 'echo "ran in $0"', 'it'), /^ran in it/],
  ['a script for a strict shell', command('bash', '-euo', 'pipefail', 'unmarked.sh'), /^ran in bash/],
  ['a script for a shell with an option of its own', command('bash', '-O', 'extglob', 'unmarked.sh'), /^ran in bash/],
  ['a shell without a script', command('bash', '-ce', 'echo ran; echo "$0"', 'word'), /^ran\nword/],
  ['a line for an interpreter in one word', command('python3', '-cprint("ran")', 'word'), /^ran/],
  ['a folder with a main', command('python3', 'tool/'), /^ran in project/],
  ['the folder where one stands, with a main', command('python3', '.'), /^ran in tool/, 'tool'],
  ['a command in another folder', command('env', '-C', 'tool', 'python3', 'cli.py'), /^ran in tool/],
  [
    'an interpreter with options',
    command('python3', '-W', 'ignore', '-u', 'my train.py', 'y'),
    /^ran with spaces \['y'\]/,
  ],
])('%s runs elsewhere as it does here', async (_what, asked, says, below = '') => {
  await using project = await projectFolder();
  const start = await project.find(asked, below);
  await cp(project.root, join(project.path, 'elsewhere/project'), { recursive: true, verbatimSymlinks: true });
  expect(await output(start, join(project.path, 'elsewhere/project'))).toMatch(says);
});

describe('what can not run as it is written is told before anything is sent', () => {
  test.each<[asked: AskedStart, says: RegExp]>([
    [module('pkg.tran'), /no module pkg\.tran in .* did you mean pkg\.train\?/],
    [module('empty'), /empty is a package without __main__\.py.*launch -m empty\.train/],
    [module('pkg/train.py'), /not pkg\/train\.py.*launch -m pkg\.train/],
    [module('train.py', '--x'), /not train\.py.*launch -m train -- --x/],
    [module('.words'), /-m takes the dotted name of a module, not "\.words"/],
    [module('pkg. train'), /-m takes the dotted name/],
    [script('pkg.train'), /no script pkg\.train.*launch -m pkg\.train/],
    [script('python3', 'run.py'), /no script python3.*launch -- python3 run\.py/],
    [script('windows'), /first line of windows ends as on Windows.*"\/bin\/bash\\r"/],
    [command('./rum'), /there is no \.\/rum here.*did you mean \.\/run\?/],
    [command('python3', 'pkg/tran.py'), /there is no pkg\/tran\.py here.*did you mean pkg\/train\.py\?/],
    [command('env', 'A=1', 'python3', 'gone.py'), /there is no gone\.py here/],
    [command('bash', '-euo', 'pipefail', 'gone.sh'), /there is no gone\.sh here/],
    [command('python3', 'empty/'), /empty\/ is a folder without __main__\.py/],
    [command('gone.py'), /there is no gone\.py here/],
    [command('chdir.py', '--lr', '1'), /chdir\.py is a file here.*launch chdir\.py -- --lr 1/],
    [command('./chdir.py'), /\.\/chdir\.py is not executable.*chmod \+x/],
    [command('./pkg'), /\.\/pkg is not a file/],
    [command('A=1', 'python3', 'chdir.py'), /A=1 is a variable.*launch --env A=1 -- python3 chdir\.py/],
    [command('python3 chdir.py'), /no program "python3 chdir\.py".*launch -- bash -c 'python3 chdir\.py'/],
    [command('../outside/run'), /there is no \.\.\/outside\/run here/],
    [command(''), /the command behind -- is empty/],
  ])('%j', async (asked, says) => {
    await using project = await projectFolder();
    const error = await project.find(asked).then(
      () => null,
      (problem: { message: string; hint?: string }) => `${problem.message} ${problem.hint}`,
    );
    expect(error).toMatch(says);
  });

  test('a path of this computer that lies in the project', async () => {
    await using project = await projectFolder();
    await expect(project.find(command(join(project.root, 'run')))).rejects.toMatchObject({
      hint: 'on the machine the project lies elsewhere: write ./run',
    });
  });
});

test('the project of a command is where one stands, and its script must reach the machine', async () => {
  await using project = await projectFolder();
  const start = await project.find(command('env', 'A=1', 'python3', '-u', 'cli.py'), 'tool');
  expect(start).toMatchObject({ project: { root: project.root, script: 'tool/cli.py' }, words: { folder: 'tool' } });
  expect((await project.find(command('bash', '-lc', 'python3 gone.py'))).project.script).toBeNull();
  expect((await project.find(command('python3', '-u', 'tool'))).project.script).toBe('tool/__main__.py');
  expect((await project.find(command('bash', '-euo', 'pipefail', 'unmarked.sh'))).project.script).toBe('unmarked.sh');
});

describe('what may surprise is noted', () => {
  const noted = async (asked: AskedStart, more: Readonly<Record<string, string>> = {}) => {
    await using project = await projectFolder(more);
    return (await project.find(asked)).notes.map((note) => note.replaceAll(project.root, '<root>'));
  };

  test.each<[file: string, content: string]>([
    ['requirements.txt', '# all\ntorch>=2\n'],
    ['requirements-gpu.txt', 'torch\n'],
    ['pyproject.toml', '[project]\ndependencies = ["torch"]\n'],
    ['pyproject.toml', '[tool.poetry.dependencies]\ntorch = "*"\n'],
    ['environment.yml', 'dependencies:\n  - pytorch\n'],
    ['uv.lock', 'version = 1\n'],
    ['Pipfile', '[packages]\n'],
    ['setup.py', 'setup(install_requires=["torch"])\n'],
    ['pkg/Pipfile', '[packages]\n'],
  ])('%s that says %j', async (file, content) => {
    const [note] = await noted(script('pkg/train.py'), { [file]: content });
    expect(note).toMatch(`found ${file}; runctl does not install it yet`);
  });

  test.each<[what: string, asked: AskedStart, more: Readonly<Record<string, string>>]>([
    ['a file that asks for nothing', script('chdir.py'), { 'requirements.txt': '# nothing\n-e .\n' }],
    [
      'a project without dependencies',
      script('chdir.py'),
      { 'pyproject.toml': '[project]\nname = "p"\ndependencies = []\n' },
    ],
    ['a command that installs them itself', command('uv', 'run', 'chdir.py'), { 'uv.lock': 'version = 1\n' }],
    [
      'a shell that installs them',
      command('sh', '-c', 'pip install -r requirements.txt'),
      { 'requirements.txt': 'x\n' },
    ],
  ])('not %s', async (_what, asked, more) => {
    expect(await noted(asked, more)).toEqual([]);
  });

  test.each<[what: string, file: string, asked: AskedStart]>([
    ['an executable', 'train', script('train')],
    ['an executable with an ending', 'train.py', script('train.py')],
    ['a script of a package', 'pkg/go.py', script('pkg/go.py')],
    ['an executable as a command', 'train.py', command('./train.py', '--lr', '1')],
  ])('%s whose first line only this computer can obey', async (_what, file, asked) => {
    const note = `/home/me/venv/bin/python is a path of this computer: it must be on the machine too`;
    const content = '#!/home/me/venv/bin/python\nprint(1)\n';
    const [first = '', ...more] = await noted(asked, { [file]: content });
    expect(first).toMatch(new RegExp(`^${note} \\(the first line of (\\./)?${file} names it\\)$`));
    expect(more).toEqual([]);
    expect(await noted(asked, { [file]: '#!/usr/bin/env python3\nprint(1)\n' })).toEqual([]);
  });

  test('but not a first line that is not obeyed', async () => {
    const file = 'unmarked.sh';
    const line = '#!/home/me/bin/bash\necho 1\n';
    expect(await noted(script(file), { [file]: line })).toEqual([
      expect.stringContaining('is a path of this computer'),
    ]);
    expect(await noted(command('bash', file), { [file]: line })).toEqual([]);
  });

  test('a word that may be no script', async () => {
    expect(await noted(command('sh', 'train'))).toEqual(['there is no train here, which the command seems to run']);
    expect(await noted(command('python3', 'empty'))).toEqual([
      'empty is a folder without __main__.py, which the command seems to run',
    ]);
  });

  test('a module of the machine, lines as on Windows, paths of this computer', async () => {
    expect(await noted(module('torch.distributed.run'))).toEqual([
      expect.stringContaining("the machine's own python3"),
    ]);
    expect(await noted(script('windows.sh'))).toEqual([expect.stringContaining('end as on Windows')]);
    expect(await noted(command('/home/me/venv/bin/python3', 'chdir.py'))).toEqual([
      expect.stringContaining('is a path of this computer'),
    ]);
    await using project = await projectFolder();
    const { notes } = await project.find(script('chdir.py', `--data=${project.root}/data`));
    expect(notes).toEqual([expect.stringContaining('which the machine does not have')]);
  });
});

describe('a script of a package that uv runs', () => {
  const RELATIVE = 'from .words import WORD\n';
  test.each<[what: string, line: string, words: object]>([
    ['by itself', '#!/usr/bin/env -S uv run --script', { kind: 'script', interpreter: [] }],
    ['without more', '#!/usr/bin/env -S uv run', { kind: 'script', interpreter: [] }],
    [
      'by its Python',
      '#!/usr/bin/env -S uv run python',
      { kind: 'module', module: 'pkg.own', interpreter: ['/usr/bin/env', '-S uv run python'] },
    ],
  ])('is still run by it: %s', async (_what, line, words) => {
    await using project = await projectFolder({ 'pkg/own.py': `${line}\n${RELATIVE}` });
    expect((await project.find(script('pkg/own.py'))).words).toMatchObject(words);
  });

  test('is run as a command as it is written', async () => {
    await using project = await projectFolder();
    const { words } = await project.find(command('uv', 'run', 'pkg/train.py'));
    expect(words).toEqual({ kind: 'command', command: ['uv', 'run', 'pkg/train.py'], folder: '' });
  });
});

describe('--interpreter', () => {
  const OWN = { 'tools/py': '#!/bin/sh\nexec python3 "$@"\n', 'train.R': 'cat("ran")\n' };

  test.each<[asked: AskedStart, interpreter: string, words: object, below?: string]>([
    [script('chdir.py'), 'python3.12', { kind: 'script', interpreter: ['python3.12'] }],
    [script('train.R'), 'Rscript', { kind: 'script', interpreter: ['Rscript'] }],
    [script('run'), 'bash', { kind: 'script', interpreter: ['bash'] }],
    [script('windows'), 'bash', { kind: 'script', interpreter: ['bash'] }],
    [script('pkg/train.py'), 'pypy3', { kind: 'module', module: 'pkg.train', interpreter: ['pypy3'] }],
    [script('pkg/marked.py'), 'python3', { kind: 'module', module: 'pkg.marked', interpreter: ['python3'] }],
    [script('pkg/train.py'), 'coverage', { kind: 'script', interpreter: ['coverage'] }],
    [module('pkg.train'), '/opt/conda/bin/python', { kind: 'module', interpreter: ['/opt/conda/bin/python'] }],
    [script('chdir.py'), 'pkg', { kind: 'script', interpreter: ['pkg'] }],
    [module('pkg.train'), 'torchrun', { kind: 'module', interpreter: ['torchrun'] }],
    [script('chdir.py'), 'tools/py', { kind: 'script', interpreter: ['./tools/py'] }],
    [script('cli.py'), '../tools/py', { kind: 'script', interpreter: ['./tools/py'] }, 'tool'],
    [script('chdir.py'), './py', { kind: 'script', script: 'chdir.py', interpreter: ['./tools/py'] }, 'tools'],
  ])('%j by %s', async (asked, interpreter, words, below = '') => {
    await using project = await projectFolder(OWN);
    const given = below === 'tools' ? script('../chdir.py') : asked;
    expect(await project.find(given, below, interpreter)).toMatchObject({ words });
  });

  test('of the project runs elsewhere', async () => {
    await using project = await projectFolder(OWN);
    const start = await project.find(script('chdir.py'), '', 'tools/py');
    expect(await output(start, project.root)).toBe('ran in project\n');
  });

  test.each<[asked: AskedStart, interpreter: string, says: RegExp]>([
    [script('chdir.py'), 'tools/gone', /is not a file of the project/],
    [script('chdir.py'), './pkg', /is a folder, not a program/],
    [script('chdir.py'), 'pkg/', /is a folder, not a program/],
    [script('chdir.py'), '.', /is a folder, not a program/],
    [script('chdir.py'), '..', /is a folder, not a program/],
    [script('chdir.py'), './', /is a folder, not a program/],
    [script('chdir.py'), '/usr/bin', /is a folder, not a program/],
    [script('chdir.py'), '/opt/not-here/', /is a folder, not a program/],
    [script('chdir.py'), 'venv', /is a folder, not a program/],
    [module('pkg.train'), 'pkg/deep', /is a folder, not a program/],
    [module('pkg.train'), 'bash', /bash runs no module: -m is for a Python/],
    [module('pkg.train'), '/bin/sh', /\/bin\/sh runs no module/],
    [module('platform'), 'zsh', /zsh runs no module/],
    [module('pkg'), 'node', /node runs no module/],
    [module('pkg'), 'uv', /uv runs no module/],
    [script('chdir.py'), 'pkg/words.py', /is not executable/],
    [script('chdir.py'), '.venv/bin/python', /is never sent to a machine/],
    [script('chdir.py'), '../outside/python', /lies outside of the project/],
    [module('pkg.train'), '.venv/bin/python', /is never sent to a machine/],
    [command('make', 'train'), 'python3', /has no meaning for a command/],
  ])('%j by %s is told', async (asked, interpreter, says) => {
    await using project = await projectFolder({ ...OWN, 'venv/pyvenv.cfg': '' });
    const error = await project.find(asked, '', interpreter).then(
      ({ words }) => JSON.stringify(words),
      (problem: { message: string }) => problem.message,
    );
    expect(error).toMatch(says);
  });

  test('that may lie on this computer only is noted', async () => {
    await using project = await projectFolder();
    const { notes } = await project.find(script('chdir.py'), '', '/home/me/venv/bin/python');
    expect(notes).toEqual(['/home/me/venv/bin/python is a path of this computer: it must be on the machine too']);
  });
});

describe('what is guessed has a reason', () => {
  test.each<[asked: AskedStart, interpreter: string | undefined, reasons: readonly string[]]>([
    [script('chdir.py'), undefined, ['python3 runs chdir.py, since its name ends in .py']],
    [script('chdir.py'), 'python3.12', ['python3.12 runs chdir.py, since --interpreter names it']],
    [
      script('run'),
      undefined,
      ['the machine itself runs run, since it is executable, and its first line names /bin/bash'],
    ],
    [script('unmarked.sh'), undefined, ['/bin/bash runs unmarked.sh, since its first line names /bin/bash']],
    [
      script('pkg/train.py'),
      undefined,
      [
        'python3 runs pkg/train.py, since its name ends in .py',
        'it runs as the module pkg.train, since there is an __init__.py beside it: the command python3 pkg/train.py would run the file',
      ],
    ],
    [
      module('laid.out'),
      undefined,
      ['python3 runs laid.out, since that is what -m asks for', 'laid.out is src/laid/out.py of the project'],
    ],
    [
      module('torch.distributed.run'),
      undefined,
      ['python3 runs torch.distributed.run, since that is what -m asks for'],
    ],
    [command('make', 'train'), undefined, []],
  ])('%j by %s', async (asked, interpreter, reasons) => {
    await using project = await projectFolder();
    const found = await project.find(asked, '', interpreter);
    expect(found.reasons).toEqual(['the project is the folder project, the nearest with .runctl.toml', ...reasons]);
  });

  test('a project without a marker, and one that was named', async () => {
    await using project = await projectFolder();
    await mkdir(join(project.path, 'bare'));
    await writeFile(join(project.path, 'bare/train.py'), '');
    const reasonOf = async (root?: string): Promise<string | undefined> =>
      (await findStart(script('bare/train.py'), { cwd: project.path, home: '/home/nobody', root })).reasons[0];
    expect(await reasonOf()).toMatch(/^the project is the folder bare, since no folder above it has/);
    expect(await reasonOf('bare')).toBe('the project is the folder bare, which --project names');
  });
});

describe('a package that is a project itself', () => {
  const FILES_OF_PACKAGE = {
    'net/pyproject.toml': '',
    'net/__init__.py': '',
    'net/words.py': 'WORD = "net"\n',
    'net/train.py': 'from .words import WORD\nimport sys\nprint("ran", __package__, WORD, sys.argv[1:])\n',
    'net/absolute.py': 'from net.words import WORD\nprint("ran", __package__, WORD)\n',
    'net/plain.py': 'from words import WORD\nprint("ran", __package__, WORD)\n',
    'net/__main__.py': 'from .words import WORD\nprint("ran main of", __package__)\n',
    'net/sub/__init__.py': '',
    'net/sub/go.py': 'from ..words import WORD\nprint("ran", __package__, WORD)\n',
    'net/sub/own.py': 'import os\nprint("ran", __package__)\n',
  };

  test.each<[what: string, asked: AskedStart, below: string, says: RegExp]>([
    ['a script with a relative import', script('net/train.py', 'a'), '', /^ran net net \['a'\]/],
    ['the same from where it lies', script('train.py'), 'net', /^ran net net/],
    ['a script that imports the package by its name', script('net/absolute.py'), '', /^ran net net/],
    ['a script that imports a neighbour by its bare name', script('net/plain.py'), '', /^ran None net/],
    ['its main', script('net/__main__.py'), '', /^ran main of net/],
    ['a script of a package within', script('net/sub/go.py'), '', /^ran net\.sub net/],
    ['a script of a package within that needs no other', script('net/sub/own.py'), '', /^ran sub/],
    ['a module by its whole name', module('net.train', 'b'), 'net', /^ran net net \['b'\]/],
    ['the package itself as a module', module('net'), 'net', /^ran main of net/],
    ['a module from above', module('net.train'), '', /^ran net net/],
    ['a module of the project by its own name', module('plain'), 'net', /^ran  net/],
  ])('%s runs elsewhere as it does here', async (_what, asked, below, says) => {
    await using project = await projectFolder(FILES_OF_PACKAGE);
    const start = await project.find(asked, below);
    const elsewhere = join(project.path, 'elsewhere', start.project.name);
    await cp(start.project.root, elsewhere, { recursive: true, verbatimSymlinks: true });
    expect(await output(start, elsewhere)).toMatch(says);
  });

  test('an __init__.py that no script needs makes no package of a project', async () => {
    await using project = await projectFolder({ '__init__.py': 'raise SystemExit("never imported")\n' });
    expect((await project.find(script('chdir.py'))).words).toMatchObject({ kind: 'script' });
  });
});
