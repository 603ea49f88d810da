import { RunctlError } from '@runctl/core';
import { isAbsolute, relative } from 'node:path';

/** Folders of the operating system: neither they nor what lies below is anybody's project. */
const SYSTEM: readonly string[] = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/lost+found',
  '/proc',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/backups',
  '/var/cache',
  '/var/log',
  '/var/mail',
  '/var/run',
  '/var/spool',
  // macOS.
  '/Applications',
  '/Library',
  '/System',
  '/private/etc',
  '/private/var/db',
  '/private/var/log',
];

/** Below them people do work: memory disks, mounted disks, the usual places of images for containers. */
const WORKPLACES: readonly string[] = [
  '/dev/shm',
  '/run/media',
  '/run/user',
  '/usr/src',
  '/usr/local/src',
  '/usr/local/app',
  '/usr/app',
];

/** Everybody's, or everything of somebody: only a folder below can be a project. */
const SHARED =
  /^(\/|\/(home|Users|mnt|media|opt|private|private\/tmp|private\/var|root|srv|tmp|var|var\/lib|var\/tmp|Volumes)|\/(home|Users)\/[^/]+)$/;

/** Errors: `script-outside-project` when a folder, absolute and without links, is the system's, everybody's, or has the home in it. */
export function refuseNoProject(root: string, home: string): void {
  const what = whatItIs(root, home);
  if (what === null) return;
  throw new RunctlError('script-outside-project', `${root} is ${what}, which is no project`, {
    hint: 'everything in the project is copied to the instance: move the script into a folder of its own',
  });
}

function whatItIs(root: string, home: string): string | null {
  if (root === home) return 'the home folder';
  if (SHARED.test(root) || WORKPLACES.includes(root)) return 'a folder that many things share';
  if (home !== '' && isBelow(home, root)) return 'a folder that has the home folder in it';
  if (WORKPLACES.some((place) => isBelow(root, place))) return null;
  return SYSTEM.some((folder) => root === folder || isBelow(root, folder)) ? 'a system folder' : null;
}

function isBelow(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside !== '' && !isAbsolute(inside) && inside.split('/')[0] !== '..';
}
