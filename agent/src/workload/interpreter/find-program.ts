import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** The file that a name or path stands for, as execvp(3) would find it; null where there is none. Links are not followed. */
export async function findProgram(
  name: string,
  { folder, path }: { readonly folder: string; readonly path: string },
): Promise<string | null> {
  if (name.includes('/')) {
    const at = resolve(folder, name);
    return (await isProgram(at)) ? at : null;
  }
  for (const each of path.split(':')) {
    const at = resolve(folder, each === '' ? '.' : each, name);
    if (await isProgram(at)) return at;
  }
  return null;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
