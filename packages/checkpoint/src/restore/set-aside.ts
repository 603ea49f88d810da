import { lstat, readdir, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Log, messageOf } from '@runctl/core';
import { stepInName } from '../look/names.ts';
import { unlessGone } from '../look/scan.ts';

/** So many steps stay: the highest may be one that a kill has cut off. */
const STEPS_KEPT = 2;

/** Below `root`, where nothing stands yet, for what is in the way in the checkpoint folder. */
export async function freeSetAside(root: string, folder: string): Promise<string> {
  for (let n = 1; ; n++) {
    const path = join(root, `${prefixFor(folder)}${n}`);
    if ((await unlessGone(stat(path))) === null) return path;
  }
}

/**
 * For a script that is going to write again what a restore has just set aside at `setAside`: while the disk has no room for as
 * much, deletes what was set aside from this checkpoint folder, oldest first. The highest steps of all stay, and what bears
 * no step stays where it was set aside last. Returns what was deleted, for people. Never rejects: what can't be deleted
 * keeps no script from its start.
 */
export async function makeRoom(setAside: string, folder: string, log: Log): Promise<readonly string[]> {
  const deleted: string[] = [];
  try {
    const root = dirname(setAside);
    const neededBytes = await bytesBelow(setAside);
    for (const path of await expendable(setAside, folder)) {
      const { blocks, bavail, bsize } = await statfs(root);
      // Some file systems can't tell how large they are.
      if (blocks === 0 || bavail * bsize >= neededBytes) break;
      await rm(path, { recursive: true, force: true });
      deleted.push(`deleted ${path}, since the disk had no room left for as much again`);
    }
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'no room could be made of what was set aside');
  }
  return deleted;
}

interface SetAside {
  readonly path: string;
  readonly step: number | null;
}

/** Oldest first. */
async function expendable(setAside: string, folder: string): Promise<readonly string[]> {
  const all: SetAside[] = [];
  for (const place of await setAsidesOf(dirname(setAside), folder))
    for (const name of await readdir(place)) all.push({ path: join(place, name), step: stepInName(name) });
  const steps = new Set(all.map(({ step }) => step).filter((step) => step !== null));
  const kept = Array.from(steps)
    .sort((a, b) => b - a)
    .slice(0, STEPS_KEPT);
  return all
    .filter(({ path, step }) => (step === null ? dirname(path) !== setAside : !kept.includes(step)))
    .map(({ path }) => path);
}

async function setAsidesOf(root: string, folder: string): Promise<readonly string[]> {
  const prefix = prefixFor(folder);
  const names = (await readdir(root)).filter(
    (name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)),
  );
  const found = await Promise.all(
    names.map(async (name) => ({ path: join(root, name), stats: await unlessGone(lstat(join(root, name))) })),
  );
  return found
    .filter(({ stats }) => stats?.isDirectory() === true)
    .sort((a, b) => (a.stats?.mtimeMs ?? 0) - (b.stats?.mtimeMs ?? 0))
    .map(({ path }) => path);
}

function prefixFor(folder: string): string {
  return `.runctl-set-aside-${basename(folder)}-`;
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ parentPath, name }) => unlessGone(lstat(join(parentPath, name)))));
  return sizes.reduce((sum, stats) => sum + (stats?.size ?? 0), 0);
}
