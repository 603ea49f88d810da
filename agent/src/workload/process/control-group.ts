import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';

/**
 * Control groups of the kernel (version 2). A process stays in its group whatever session it makes and whatever it does to
 * its environment, so a group finds all that a workload started. Never throws.
 */
export interface ControlGroups {
  /** Makes a group below this process's own; the path of its folder, or null where this machine does not allow it. */
  make(name: string): string | null;
  /** The folder of the group that a living process is in; null where that is unknown, or this process's own group. */
  of(pid: number): string | null;
  /** The pids in a group and in the groups below it. */
  members(folder: string): readonly number[];
  /** Removes a group that is empty; false where it is not, and stays. */
  remove(folder: string): boolean;
}

/** For machines that have none. */
export const noControlGroups: ControlGroups = {
  make: () => null,
  of: () => null,
  members: () => [],
  remove: () => true,
};

const quietly = <T>(otherwise: T, deed: () => T): T => {
  try {
    return deed();
  } catch {
    return otherwise; // not allowed here, or gone meanwhile
  }
};

/** Those of this machine; its own group is that of the process that calls. */
export function linuxControlGroups(procFolder = '/proc'): ControlGroups {
  const pathOf = (pid: number | 'self'): string | null =>
    /^0::(.*)$/m.exec(quietly('', () => readFileSync(`${procFolder}/${pid}/cgroup`, 'utf8')))?.[1] ?? null;
  const folderOf = (path: string | null): string | null => {
    const mounts = quietly('', () => readFileSync(`${procFolder}/self/mountinfo`, 'utf8'));
    // Root of the mount, mount point (proc(5)); a mount that shows only a part of the groups has other paths than the file above.
    const mount = /^\d+ \d+ \S+ \/ (\S+) .* - cgroup2 /m.exec(mounts)?.[1];
    return path === null || mount === undefined ? null : `${mount}${path === '/' ? '' : path}`;
  };
  const members = (folder: string): readonly number[] => {
    const own = quietly('', () => readFileSync(`${folder}/cgroup.procs`, 'utf8'));
    const below = quietly([], () => readdirSync(folder, { withFileTypes: true })).filter((each) => each.isDirectory());
    return [
      ...own.split('\n').filter(Boolean).map(Number),
      ...below.flatMap(({ name }) => members(`${folder}/${name}`)),
    ];
  };
  return {
    make(name) {
      const own = folderOf(pathOf('self'));
      const folder = own === null ? null : `${own}/${name}`;
      return folder === null ? null : quietly(null, () => (mkdirSync(folder), folder));
    },
    of(pid) {
      const path = pathOf(pid);
      return path === pathOf('self') ? null : folderOf(path);
    },
    members,
    remove: (folder) => quietly(!existsSync(folder), () => (rmdirSync(folder), true)),
  };
}
