import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileSeen, OpenWriters } from './recogniser.ts';

/** Access modes of `open(2)` in the flags of /proc/<pid>/fdinfo, which are octal. */
const ACCESS_MODE = 3;
const READ_ONLY = 0;

/** Says always that it can't tell. For systems without /proc. */
export const unknownOpenWriters: OpenWriters = { among: () => Promise.resolve(null) };

/**
 * Looks through /proc/<pid>/fd. Processes whose descriptors may not be read (other users', when the agent is not root)
 * are passed over: the workload runs as a user whose descriptors can be read. Writers through a memory map whose
 * descriptor is closed stay unseen.
 */
export function linuxOpenWriters(procFolder = '/proc'): OpenWriters {
  return {
    among: async (files) => {
      const processes = await namesIn(procFolder);
      if (!processes.includes('self')) return null;
      const found = new Set<string>();
      for (const pid of processes.filter((name) => /^\d+$/.test(name)))
        for (const inode of await writtenBy(`${procFolder}/${pid}`, files)) found.add(inode);
      return found;
    },
  };
}

export function openWritersFor(platform: NodeJS.Platform): OpenWriters {
  return platform === 'linux' ? linuxOpenWriters() : unknownOpenWriters;
}

async function writtenBy(processFolder: string, files: readonly FileSeen[]): Promise<readonly string[]> {
  const names = new Set(files.map((file) => basename(file.path)));
  const inodes = new Set(files.map((file) => file.inode));
  const found: string[] = [];
  for (const descriptor of await namesIn(`${processFolder}/fd`)) {
    const link = `${processFolder}/fd/${descriptor}`;
    // Only regular files of a wanted name are looked at closer: stat on a dead network mount can hang for minutes.
    const target = await readlink(link).catch(() => '');
    if (!target.startsWith('/') || !names.has(basename(target))) continue;
    const inode = await stat(link, { bigint: true }).then(
      (seen) => `${seen.dev}:${seen.ino}`,
      () => '',
    );
    if (inodes.has(inode) && (await mayWrite(`${processFolder}/fdinfo/${descriptor}`))) found.push(inode);
  }
  return found;
}

async function mayWrite(infoFile: string): Promise<boolean> {
  const info = await readFile(infoFile, 'utf8').catch(() => '');
  const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== READ_ONLY;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
