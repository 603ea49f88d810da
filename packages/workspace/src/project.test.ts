import { temporaryFolder } from '@runctl/testkit';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findProject } from './project.ts';

async function withFiles(files: readonly string[], check: (root: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  for (const file of files) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), 'x');
  }
  await check(folder.path);
}

describe('findProject', () => {
  test.each(['.git/HEAD', 'pyproject.toml', 'requirements.txt', 'setup.py', 'Cargo.toml', '.runctl.toml'])(
    'takes the nearest folder with %s',
    (marker) =>
      withFiles([`work/${marker}`, 'work/src/deep/train.py'], async (root) => {
        const project = await findProject('deep/train.py', { cwd: join(root, 'work/src'), home: '/nowhere' });
        expect(project).toMatchObject({ root: join(root, 'work'), name: 'work', script: 'src/deep/train.py' });
        expect(project.marker).toBe(marker.split('/')[0]);
      }),
  );

  test('prefers the inner of two marked folders', () =>
    withFiles(['a/.git/HEAD', 'a/b/requirements.txt', 'a/b/train.py'], async (root) => {
      expect((await findProject(join(root, 'a/b/train.py'), { cwd: '/', home: '/nowhere' })).root).toBe(
        join(root, 'a/b'),
      );
    }));

  test("never takes the home folder, even when it is marked, but the script's own folder", () =>
    withFiles(['home/.git/HEAD', 'home/code/train.py'], async (root) => {
      const project = await findProject('code/train.py', { cwd: join(root, 'home'), home: join(root, 'home') });
      expect(project).toMatchObject({ root: join(root, 'home/code'), marker: null });
    }));

  test('refuses a script that lies directly in the home folder', () =>
    withFiles(['home/train.py'], async (root) => {
      const finding = findProject('train.py', { cwd: join(root, 'home'), home: join(root, 'home') });
      await expect(finding).rejects.toMatchObject({ code: 'script-outside-project' });
    }));

  test('refuses a script outside the root that was asked for', () =>
    withFiles(['a/x', 'b/train.py'], async (root) => {
      const finding = findProject('b/train.py', { cwd: root, home: '/nowhere', root: 'a' });
      await expect(finding).rejects.toMatchObject({ code: 'script-outside-project' });
    }));

  test('follows a link to the script and refuses when it leads out of the project', () =>
    withFiles(['a/x', 'b/train.py'], async (root) => {
      await symlink('../b/train.py', join(root, 'a/train.py'));
      const finding = findProject('a/train.py', { cwd: root, home: '/nowhere', root: 'a' });
      await expect(finding).rejects.toMatchObject({ code: 'script-outside-project' });
    }));

  test('says what it looked for when there is no script, or only a folder', () =>
    withFiles(['a/x'], async (root) => {
      const missing = findProject('b.py', { cwd: root, home: '/nowhere' });
      await expect(missing).rejects.toMatchObject({ code: 'script-not-found', hint: `looked for ${root}/b.py` });
      await expect(findProject('a', { cwd: root, home: '/nowhere' })).rejects.toMatchObject({
        code: 'script-not-found',
      });
    }));
});
