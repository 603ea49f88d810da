import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isMissing } from './object-file.ts';

/** A lock is held for two system calls; one this old belongs to a process that died. */
const STALE_MS = 10_000;
const GIVE_UP_MS = 30_000;

/**
 * Runs `work` while no other process changes this key. The lock is a file made exclusively; one that was left behind is
 * broken after ten seconds. A process frozen for longer between check and rename may therefore undo a conditional write.
 */
export async function withKeyLock<T>(folder: string, key: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, createHash('sha256').update(key).digest('hex').slice(0, 32));
  const token = randomUUID();
  const untilMs = performance.now() + GIVE_UP_MS;
  while (!(await tryCreate(path, token))) {
    if (performance.now() > untilMs) throw new Error(`the lock of ${key} stays taken: ${path}`);
    await breakStale(path);
    await pause(1 + Math.random() * 5);
  }
  try {
    return await work();
  } finally {
    // Whoever took this process for dead has the lock now.
    const holder = await readFile(path, 'utf8').catch(() => null);
    if (holder === token) await rm(path, { force: true });
  }
}

async function tryCreate(path: string, token: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(token);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function breakStale(path: string): Promise<void> {
  if (!(await isStale(path))) return;
  // Two that find it stale must not remove one another's fresh lock, so breaking is exclusive too.
  const breaking = `${path}.break`;
  if (!(await tryCreate(breaking, ''))) {
    if (await isStale(breaking)) await rm(breaking, { force: true });
    return;
  }
  if (await isStale(path)) await rm(path, { force: true });
  await rm(breaking, { force: true });
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MS;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
