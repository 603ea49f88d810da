import { chown, mkdir, rm } from 'node:fs/promises';
import type { Account } from '../supervisor/account.ts';

/**
 * An empty folder that the workload's user owns: progress and done-marker are written beside and renamed, which takes the
 * right to write the folder, and nothing of an earlier life may be mistaken for this one's.
 */
export async function emptyScriptFolder(folder: string, account: Account): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (account.switchTo !== null) await chown(folder, account.switchTo.uid, account.switchTo.gid);
}
