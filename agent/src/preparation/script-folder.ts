import { chown, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Account } from '../workload/account.ts';

/**
 * An empty folder that the workload's user owns: progress and done-marker are written beside and renamed, which takes the
 * right to write the folder, and nothing of an earlier life may be mistaken for this one's.
 */
export async function emptyScriptFolder(folder: string, account: Account): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (account.switchTo !== null) await chown(folder, account.switchTo.uid, account.switchTo.gid);
}

/** Makes a folder if it is missing; whatever is made for it belongs to the workload's user, who writes there too. */
export async function scriptsOwnFolder(folder: string, account: Account): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined || account.switchTo === null) return;
  for (let made = folder; made.length >= first.length; made = dirname(made))
    await chown(made, account.switchTo.uid, account.switchTo.gid);
}
