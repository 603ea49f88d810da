import { temporaryFolder } from '@runctl/testkit';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProject } from './project.ts';
import { refuseNoProject } from './system-folders.ts';

const HOME = '/home/ada';

test.each([
  '/',
  '/etc',
  '/etc/cron.d',
  '/usr',
  '/usr/share/doc/python3',
  '/usr/src',
  '/var',
  '/var/log/app',
  '/var/lib',
  '/proc/self',
  '/sys/class',
  '/dev',
  '/run/lock',
  '/boot',
  '/tmp',
  '/var/tmp',
  '/home',
  '/home/ada',
  '/home/grace',
  '/Users/grace',
  '/opt',
  '/root',
  '/private/etc/ssl',
  '/System/Library',
])('%s is no project', (root) => {
  expect(() => refuseNoProject(root, HOME)).toThrow(/which is no project/);
});

test.each([
  '/home/ada/train',
  '/home/grace/train',
  '/tmp/x',
  '/usr/src/app',
  '/usr/local/src/net',
  '/dev/shm/fast',
  '/run/media/ada/stick',
  '/opt/net',
  '/srv/net',
  '/workspace',
  '/data',
  '/var/lib/jenkins/workspace/net',
  '/etcetera',
])('%s may be a project', (root) => {
  expect(() => refuseNoProject(root, HOME)).not.toThrow();
});

test('a folder that has the home folder in it is no project', () => {
  expect(() => refuseNoProject('/mnt/homes', '/mnt/homes/ada')).toThrow(/has the home folder in it/);
});

test('neither a link, nor .., nor --project, nor a script in it makes a system folder a project', async () => {
  await using folder = await temporaryFolder();
  const home = join(folder.path, 'home');
  await mkdir(join(home, 'work'), { recursive: true });
  await writeFile(join(home, 'work/train.py'), '');
  await symlink('/etc', join(home, 'work/configuration'));
  await symlink(home, join(folder.path, 'another-way-home'));
  const find = (script: string, root?: string) => findProject(script, { cwd: join(home, 'work'), home, root });
  const refused = { code: 'script-outside-project' };
  await expect(find('/etc/passwd')).rejects.toMatchObject(refused);
  await expect(find('configuration/passwd')).rejects.toMatchObject(refused);
  await expect(find('../../../../../../../../etc/passwd')).rejects.toMatchObject(refused);
  await expect(find('train.py', '/')).rejects.toMatchObject(refused);
  await expect(find('train.py', 'configuration')).rejects.toMatchObject(refused);
  await expect(find('train.py', '..')).rejects.toMatchObject(refused);
  await expect(find('train.py', '../..')).rejects.toMatchObject(refused);
  await expect(find('train.py', home)).rejects.toMatchObject(refused);
  await expect(find('train.py', '../../another-way-home')).rejects.toMatchObject(refused);
  await expect(find('train.py', '.')).resolves.toMatchObject({ root: join(home, 'work') });
});
