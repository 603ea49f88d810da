import { lstat, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unlessGone } from '../recognise/scan.ts';

const PREFIX = '.runctl-set-aside-';

/** Below `root`, where nothing stands yet. */
export async function freeSetAside(root: string): Promise<string> {
  for (let n = 1; ; n++) {
    const path = join(root, `${PREFIX}${n}`);
    if ((await unlessGone(stat(path))) === null) return path;
  }
}

/**
 * Deletes what was set aside below `root`, oldest first, until so many bytes are free. Returns what was deleted, for people.
 */
export async function makeRoom(root: string, neededBytes: number): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (const path of await setAsidesIn(root)) {
    const { bavail, bsize } = await statfs(root);
    if (bavail * bsize >= neededBytes) break;
    await rm(path, { recursive: true, force: true });
    deleted.push(path);
  }
  return deleted.map((path) => `deleted ${path}, since the disk had no room left for as much again`);
}

/** As `makeRoom`, for a script that writes again what was set aside at `setAside`. */
export async function makeRoomForAnother(setAside: string): Promise<readonly string[]> {
  return makeRoom(dirname(setAside), await bytesBelow(setAside));
}

async function setAsidesIn(root: string): Promise<readonly string[]> {
  const paths = (await readdir(root)).filter((name) => name.startsWith(PREFIX)).map((name) => join(root, name));
  const found = await Promise.all(paths.map(async (path) => ({ path, stats: await unlessGone(lstat(path)) })));
  return found
    .filter(({ stats }) => stats?.isDirectory() === true)
    .sort((a, b) => (a.stats?.mtimeMs ?? 0) - (b.stats?.mtimeMs ?? 0))
    .map(({ path }) => path);
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ parentPath, name }) => unlessGone(lstat(join(parentPath, name)))));
  return sizes.reduce((sum, stats) => sum + (stats?.size ?? 0), 0);
}
