import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RunctlError } from '@runctl/core';

/** The folder that a person means, or null when the text names a run: a path that exists, or that can only be one. */
export async function folderMeant(text: string, cwd: string): Promise<string | null> {
  const folder = resolve(cwd, text);
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory()) return folder;
  if (found !== null || /^[.~]|[/\\]/.test(text))
    throw new RunctlError('checkpoint-not-found', `${text} is ${found === null ? 'not there' : 'no folder'}`, {
      hint: 'name a folder with checkpoints in it, or a run',
    });
  return null;
}
