import type { Environment } from '@runctl/core';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Looks for a program as a shell does: the first executable file of that name in the folders of PATH; null without one. */
export async function programOnPath(name: string, environment: Environment): Promise<string | null> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter).filter((each) => each !== '')) {
    const path = join(folder, name);
    const isProgram = await access(path, constants.X_OK)
      .then(async () => (await stat(path)).isFile())
      .catch(() => false);
    if (isProgram) return path;
  }
  return null;
}
