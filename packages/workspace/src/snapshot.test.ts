import { temporaryFolder } from '@runctl/testkit';
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles } from './project-files.ts';
import { snapshot, type Snapshot } from './snapshot.ts';
import { unpackArchive } from './unpack.ts';

const LONG = `${'deep-folder-name/'.repeat(9)}a-file-with-a-name-that-ustar-can-not-hold.txt`;

async function fill(root: string, files: Record<string, string>): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), content);
  }
}

async function snapshotOf(
  files: Record<string, string>,
  check: (made: { root: string; into: string; take: () => Promise<Snapshot> }) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'project');
  const into = join(folder.path, 'out');
  await fill(root, files);
  await mkdir(into);
  await check({ root, into, take: () => snapshot(root, { into, exclude: ['checkpoints'] }) });
}

const sentFrom = async (root: string, exclude: readonly string[] = []) =>
  (await projectFiles(root, { exclude, include: [] })).files;

const git = (root: string, ...args: string[]) =>
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { stdio: 'pipe' });

describe('projectFiles', () => {
  const files = {
    'train.py': '',
    'data/keep.txt': '',
    'data/drop.bin': '',
    'data/.gitignore': '*.bin\n!important.bin\n',
    'data/important.bin': '',
    '.gitignore': 'build/\n*.log\n',
    'build/out': '',
    'run.log': '',
    '__pycache__/x.pyc': '',
    'node_modules/a/index.js': '',
    '.venv/bin/python': '',
    'checkpoints/last.pt': '',
  };
  const expected = ['.gitignore', 'data/.gitignore', 'data/important.bin', 'data/keep.txt', 'train.py'];

  test('without git: nested .gitignore files count, rebuilt things and checkpoints stay behind', () =>
    snapshotOf(files, async ({ root }) => {
      expect(await sentFrom(root, ['checkpoints'])).toEqual(expected);
    }));

  test('with git: the same files, tracked or not', () =>
    snapshotOf(files, async ({ root }) => {
      git(root, 'init', '-q');
      git(root, 'add', 'train.py', '.gitignore');
      expect(await sentFrom(root, ['checkpoints'])).toEqual(expected);
    }));

  test('with git: a file that was deleted but not committed is no error', () =>
    snapshotOf(files, async ({ root, take }) => {
      git(root, 'init', '-q');
      git(root, 'add', '-A');
      await rm(join(root, 'data/keep.txt'));
      expect((await take()).fileCount).toBe(expected.length - 1);
    }));

  test('with git: takes the files of a checkout inside the checkout', () =>
    snapshotOf({ 'train.py': '', 'lib/code.py': '', 'lib/.gitignore': 'x\n', 'lib/x': '' }, async ({ root }) => {
      git(root, 'init', '-q');
      git(join(root, 'lib'), 'init', '-q');
      git(join(root, 'lib'), 'add', '-A');
      git(join(root, 'lib'), 'commit', '-qm', 'x');
      expect(await sentFrom(root)).toEqual(['lib/.gitignore', 'lib/code.py', 'train.py']);
    }));

  test('a project that the checkout above ignores is still taken', () =>
    snapshotOf({ '.gitignore': 'scratch/\n', 'scratch/train.py': '', 'other.py': '' }, async ({ root }) => {
      git(root, 'init', '-q');
      expect(await sentFrom(join(root, 'scratch'))).toEqual(['train.py']);
    }));
});

describe('snapshot', () => {
  test('names the tree by content alone: dates do not count, a byte and an executable bit do', () =>
    snapshotOf({ 'train.py': 'one', 'lib/a.py': 'two' }, async ({ root, take }) => {
      const first = await take();
      await utimes(join(root, 'train.py'), 1, 1);
      const touched = await take();
      expect(touched).toMatchObject({ treeHash: first.treeHash, sha256: first.sha256 });
      await chmod(join(root, 'train.py'), 0o755);
      const executable = await take();
      expect(executable.treeHash).not.toBe(first.treeHash);
      await writeFile(join(root, 'train.py'), 'ONE');
      expect((await take()).treeHash).not.toBe(executable.treeHash);
    }));

  test('comes back byte for byte, with long, foreign and executable names and links', () =>
    snapshotOf({ 'run.sh': '#!/bin/sh\n', 'Überblick/日本.txt': 'ü', [LONG]: 'long', empty: '' }, async (made) => {
      await chmod(join(made.root, 'run.sh'), 0o755);
      await symlink('run.sh', join(made.root, 'latest'));
      await writeFile(join(made.root, 'large'), Buffer.alloc(700_001, 'abc'));
      const { archivePath, fileCount } = await made.take();
      const target = join(made.into, 'home', 'project');
      expect(await unpackArchive(createReadStream(archivePath), target)).toEqual({ fileCount });
      expect(await readFile(join(target, 'Überblick/日本.txt'), 'utf8')).toBe('ü');
      expect(await readFile(join(target, LONG), 'utf8')).toBe('long');
      expect(await readFile(join(target, 'empty'), 'utf8')).toBe('');
      expect(await readFile(join(target, 'large'))).toEqual(Buffer.alloc(700_001, 'abc'));
      expect((await stat(join(target, 'run.sh'))).mode & 0o111).not.toBe(0);
      expect(await readlink(join(target, 'latest'))).toBe('run.sh');
    }));

  test("can be read by the system's tar", () =>
    snapshotOf({ 'a.py': 'a', [LONG]: 'long', 'ü.txt': '' }, async ({ take, into }) => {
      const { archivePath } = await take();
      const listed = execFileSync('tar', ['-tzf', archivePath, '--quoting-style=literal'], {
        cwd: into,
        encoding: 'utf8',
      });
      expect(listed.trim().split('\n')).toEqual(['a.py', LONG, 'ü.txt']);
    }));

  test('leaves out links that lead outside and says so', () =>
    snapshotOf({ 'train.py': '' }, async ({ root, take }) => {
      await symlink('/etc/passwd', join(root, 'absolute'));
      await symlink('../../x', join(root, 'climbing'));
      const taken = await take();
      expect(taken.fileCount).toBe(1);
      expect(taken.notes).toEqual([
        'absolute is left out: it is a link to /etc/passwd, outside the project',
        'climbing is left out: it is a link to ../../x, outside the project',
      ]);
    }));

  test('refuses an empty project and an ignored script', async () => {
    await snapshotOf({ '__pycache__/x': '' }, async ({ take }) => {
      await expect(take()).rejects.toMatchObject({ code: 'empty-project' });
    });
    await snapshotOf({ '.gitignore': 'train.py\n', 'train.py': '' }, async ({ root, into }) => {
      const taking = snapshot(root, { into, required: ['train.py'] });
      await expect(taking).rejects.toMatchObject({ code: 'script-outside-project' });
    });
  });

  test('names the file that cannot be read, and leaves no archive behind', async (context) => {
    if (process.getuid?.() === 0) context.skip('root can read every file');
    await snapshotOf({ 'train.py': '', 'secret.txt': 'x' }, async ({ root, into, take }) => {
      await chmod(join(root, 'secret.txt'), 0);
      await expect(take()).rejects.toMatchObject({ code: 'file-unreadable', message: /secret\.txt/ });
      expect(await readdir(into)).toEqual([]);
    });
  });
});

describe('unpackArchive', () => {
  test('leaves nothing behind when the archive is cut off', () =>
    snapshotOf({ 'a.py': 'x'.repeat(100_000), 'b.py': 'y' }, async ({ take, into }) => {
      const { archivePath } = await take();
      const whole = await readFile(archivePath);
      const target = join(into, 'project');
      for (const length of [0, 20, whole.length >> 1, whole.length - 1]) {
        await expect(unpackArchive(chunks(whole.subarray(0, length)), target)).rejects.toThrow();
        expect(existsSync(target)).toBe(false);
      }
      expect(await readdir(into)).toEqual([archivePath.slice(into.length + 1)]);
    }));

  test.each([
    ['a climbing name', ['--transform', 's,a.py,../../climbed.py,', '-P', 'a.py']],
    ['an absolute name', ['--transform', 's,a.py,/tmp/absolute.py,', '-P', 'a.py']],
    ['a link to outside', ['link']],
    ['links that lead outside together', ['up', 'chain']],
  ])('refuses %s', (_name, args) =>
    snapshotOf({ 'a.py': 'x', 'sub/b.py': '' }, async ({ root, into }) => {
      await symlink('../../etc', join(root, 'link'));
      await mkdir(join(root, 'up'));
      await symlink('..', join(root, 'up', 'd'));
      await symlink('up/d/../a.py', join(root, 'chain'));
      const archive = join(into, 'bad.tar.gz');
      execFileSync('tar', ['-czf', archive, '-C', root, ...args], { stdio: 'pipe' });
      await mkdir(join(into, 'x', 'y'), { recursive: true });
      await writeFile(join(into, 'x', 'a.py'), 'outside');
      const unpacking = unpackArchive(createReadStream(archive), join(into, 'x', 'y'));
      await expect(unpacking).rejects.toThrow(/leads outside/);
      expect(await readdir(join(into, 'x'))).toEqual(['a.py', 'y']);
    }),
  );
});

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
