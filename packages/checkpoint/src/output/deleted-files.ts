import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Those of `paths` (relative to `folder`) that somebody deleted, or put a folder in the place of. None where the folder itself
 * is missing or can't be read (a disk that is not mounted any more), and none that the disk does not answer for (EIO, a
 * network file system's stale handle): nobody has deleted those. Never rejects.
 */
export async function deletedFiles(folder: string, paths: readonly string[]): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (const path of paths) if (await isDeleted(join(folder, path))) deleted.push(path);
  // Looked at last: the folder may go away in between.
  const isThere = await readdir(folder).then(
    () => true,
    () => false,
  );
  return isThere ? deleted : [];
}

async function isDeleted(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    return GONE.has((error as NodeJS.ErrnoException).code ?? '');
  }
}
