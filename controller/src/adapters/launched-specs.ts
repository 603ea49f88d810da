import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { documentSha256 } from '@runctl/protocol';
import { newNonce, RunctlError } from '@runctl/core';

const folderIn = (stateFolder: string): string => join(stateFolder, 'launched');

/**
 * Keeps the SHA-256 of a run's spec on this computer, where no machine can write. Rejects when the folder can't be written.
 */
export async function rememberSpec(stateFolder: string, run: string, specSha256: string): Promise<void> {
  const folder = folderIn(stateFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = join(folder, `.${run}-${newNonce()}`);
  await writeFile(fresh, `${specSha256}\n`);
  await rename(fresh, join(folder, run));
}

/** What was kept of a run; null when this computer knows nothing of it. Errors: `config-invalid` where what is there is damaged. */
export async function rememberedSpec(stateFolder: string, run: string): Promise<string | null> {
  const file = join(folderIn(stateFolder), run);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    return error.message;
  });
  if (text === null) return null;
  const read = documentSha256.safeParse(text.trim());
  if (read.success) return read.data;
  throw new RunctlError('config-invalid', `${file} does not tell what ${run} was launched with`, {
    hint: 'look at the spec in the bucket and add --accept-changed-spec, or launch the project anew',
  });
}
