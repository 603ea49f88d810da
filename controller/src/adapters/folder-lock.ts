import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RunctlError } from '@runctl/core';

/**
 * Keeps other pulls of this machine out of a folder until it is disposed of: two would take each other's half-fetched files
 * away. One that a killed process left counts no more. Errors: `transfer-incomplete` when another is under way.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const name = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 24);
  const place = join(tmpdir(), `runctl-pull-${name}.lock`);
  for (let tries = 1; ; tries++) {
    try {
      await writeFile(place, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(place, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = Number(await readFile(place, 'utf8').catch(() => ''));
    if (tries > 1 || isAlive(pid))
      throw new RunctlError('transfer-incomplete', `another pull into ${folder} is under way (process ${pid})`, {
        hint: 'wait for it, then run the same command again',
      });
    await rm(place, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
