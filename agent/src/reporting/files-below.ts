import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FoundFile {
  /** Below the folder. */
  readonly path: string;
  readonly info: Stats;
}

/**
 * The files below a folder, as far as they can be read: folder by folder, since a recursive listing gives nothing at all
 * where one folder may not be read or is being deleted. Never rejects.
 */
export async function* filesBelow(folder: string, below = ''): AsyncGenerator<FoundFile> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) yield* filesBelow(folder, path);
    const info = entry.isFile() ? await stat(join(folder, path)).catch(() => null) : null;
    if (info !== null) yield { path, info };
  }
}
