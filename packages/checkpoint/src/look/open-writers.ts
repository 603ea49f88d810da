import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { OpenWriters } from '../contract/recogniser.ts';

/** Access modes of `open(2)` in the flags of /proc/<pid>/fdinfo, which are octal. */
const ACCESS_MODE = 3;
const READ_ONLY = 0;
const LARGEST_LOOK = 4096;

/** After so long others have their turn. */
const SLICE_MS = 4;

/** Says always that it can't tell. For systems without /proc. */
export const unknownOpenWriters: OpenWriters = { among: () => Promise.resolve(null) };

/**
 * Looks through /proc/<pid>/fd. Processes whose descriptors may not be read (other users', when the agent is not root)
 * are passed over: the workload runs as a user whose descriptors can be read. Writers through a memory map whose
 * descriptor is closed stay unseen. Reads without waiting: what /proc answers comes from memory, and one after the other
 * thousands of answers would each wait for whatever the thread pool reads and the loop hashes.
 */
export function linuxOpenWriters(procFolder = '/proc'): OpenWriters {
  return {
    among: async (files) => {
      const processes = namesIn(procFolder);
      if (!processes.includes('self')) return null;
      const found = new Set<string>();
      const names = new Set(files.map((file) => basename(file.path)));
      let beganMs = performance.now();
      const takeTurns = async (): Promise<void> => {
        if (performance.now() - beganMs < SLICE_MS) return;
        await setImmediate();
        beganMs = performance.now();
      };
      for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
        for (const descriptor of namesIn(`${procFolder}/${pid}/fd`)) {
          const inode = await writtenInode(`${procFolder}/${pid}`, descriptor, names);
          if (inode !== null) found.add(inode);
          await takeTurns();
        }
        await takeTurns();
      }
      return found;
    },
  };
}

export function openWritersFor(platform: NodeJS.Platform): OpenWriters {
  return platform === 'linux' ? linuxOpenWriters() : unknownOpenWriters;
}

/**
 * Says whether a process has a file below the folder (a real path) open for writing. False where its descriptors can't be
 * read. Looks at no more than the first few thousand descriptors.
 */
export function writesBelow(folder: string, pid: number, procFolder = '/proc'): boolean {
  const processFolder = `${procFolder}/${pid}`;
  return namesIn(`${processFolder}/fd`)
    .slice(0, LARGEST_LOOK)
    .some(
      (descriptor) =>
        orElse('', () => readlinkSync(`${processFolder}/fd/${descriptor}`)).startsWith(`${folder}/`) &&
        mayWrite(`${processFolder}/fdinfo/${descriptor}`),
    );
}

/** Inode of a file of one of these names that a process has open for writing as this descriptor; null for all others. */
async function writtenInode(
  processFolder: string,
  descriptor: string,
  names: ReadonlySet<string>,
): Promise<string | null> {
  const link = `${processFolder}/fd/${descriptor}`;
  // Only regular files of a wanted name are looked at closer: stat on a dead network mount can hang for minutes.
  const target = orElse('', () => readlinkSync(link));
  if (!target.startsWith('/') || !names.has(basename(target))) return null;
  if (!mayWrite(`${processFolder}/fdinfo/${descriptor}`)) return null;
  return stat(link, { bigint: true }).then(
    (seen) => `${seen.dev}:${seen.ino}`,
    () => null,
  );
}

function mayWrite(infoFile: string): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(orElse('', () => readFileSync(infoFile, 'utf8')))?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== READ_ONLY;
}

function namesIn(folder: string): readonly string[] {
  return orElse([], () => readdirSync(folder));
}

/** Processes end while they are looked at. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
