import type { TransferResult } from '@runctl/protocol/events';
import { RunctlError, formatBytes, messageOf } from '@runctl/core';
import { FileChangedError, isStoreError, partFileOf, type TreeAction } from '@runctl/store';
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Of `stat.blocks`, whatever the file system's own are: POSIX. */
const STAT_BLOCK_BYTES = 512;

/** Rejects with `disk-full` before anything is fetched that has no place. */
export async function assertRoom(root: string, plan: readonly TreeAction[]): Promise<void> {
  let neededBytes = 0;
  for (const { path, sizeBytes } of plan.filter(({ kind }) => kind === 'download')) {
    const begun = await stat(partFileOf(join(root, path)).part).catch(() => null);
    neededBytes += Math.max(0, sizeBytes - (begun?.blocks ?? 0) * STAT_BLOCK_BYTES);
  }
  if (neededBytes === 0) return;
  const { bavail, bsize } = await statfs(root);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new RunctlError(
    'disk-full',
    `${root} has ${formatBytes(freeBytes)} free, and ${formatBytes(neededBytes)} are to come`,
    { hint: 'make room, or choose another folder' },
  );
}

/** What ends a whole transfer, in words. */
export function fatalProblem(error: unknown, root: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new RunctlError('disk-full', `the disk of ${root} is full: ${messageOf(error)}`, {
      hint: 'make room and run the same command again: it goes on where it stopped',
      cause: error,
    });
  if (code === 'EROFS')
    return new RunctlError('file-unreadable', `${root} can only be read: ${messageOf(error)}`, { cause: error });
  if (isStoreError(error, 'aborted') || (error as Error).name === 'AbortError')
    return new RunctlError('aborted', 'interrupted', {
      hint: 'run the same command again: it goes on where it stopped',
    });
  return error;
}

const NAMED = 5;

/** The error that a transfer must end with although it came to its end; null when all is well. */
export function incomplete(result: TransferResult): RunctlError | null {
  const { failed, refused, plan } = result;
  if (failed.length > 0)
    return new RunctlError(
      'transfer-incomplete',
      `${count(failed.length, 'file')} could not be moved: ${listed(failed.map(({ path, error }) => `${path} (${error})`))}`,
      { hint: 'the others are through; run the same command again for these' },
    );
  const conflicts = plan.filter((action) => action.kind === 'conflict');
  if (conflicts.length > 0)
    return new RunctlError(
      'transfer-incomplete',
      `${count(conflicts.length, 'file')} ${conflicts.length === 1 ? 'differs' : 'differ'} on both sides and stayed unchanged: ${listed(conflicts.map(({ path }) => path))}`,
      { hint: 'say which side is right: --prefer local, --prefer remote or --prefer newer' },
    );
  if (refused.length > 0)
    return new RunctlError(
      'file-unreadable',
      `${count(refused.length, 'name')} could not be taken: ${listed(refused.map(({ path, why }) => `${path} (${why})`))}`,
      { hint: 'the others are through; rename these, or leave them out with --exclude' },
    );
  return null;
}

export function wordsOf(error: unknown): string {
  if (error instanceof FileChangedError) return 'it changed while it was read';
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it is gone';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (isStoreError(error, 'precondition')) return 'the object was replaced meanwhile';
  return messageOf(error);
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function listed(items: readonly string[]): string {
  const more = items.length - NAMED;
  return [...items.slice(0, NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
