import { RunctlError } from '@runctl/core';
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { dirname, join } from 'node:path/posix';
import { secretByName } from './secret-names.ts';
import { NEVER_COPIED } from './walk.ts';
import type { Entry } from './write-archive.ts';

/** As many as Linux follows. */
const MOST_LINKS = 40;

/**
 * Refuses entries of an archive in which a file of the project is missing that must reach the instance; `exclude` are the folders
 * that stay behind. Errors: `script-outside-project`.
 */
export async function refuseMissing(
  root: string,
  { required, exclude, entries }: RequiredFiles & { readonly entries: readonly Entry[] },
): Promise<void> {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  for (const path of required) if (!arrives(byPath, path)) throw await whyMissing(root, path, exclude);
}

export interface RequiredFiles {
  readonly required: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether a path leads to a file of the archive, also by links in it. */
function arrives(entries: ReadonlyMap<string, Entry>, path: string): boolean {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const folders = foldersOf(at);
    const link = [...folders, at].map((each) => entries.get(each)).find((entry) => entry?.kind === 'link');
    if (link === undefined) return entries.get(at)?.kind === 'file';
    at = join(dirname(link.path), link.linkTarget, at.slice(link.path.length));
  }
  return false;
}

/** The highest first. */
function foldersOf(path: string): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join('/'));
}

async function whyMissing(root: string, path: string, exclude: readonly string[]): Promise<RunctlError> {
  const refuse = (problem: string, hint: string): RunctlError =>
    new RunctlError('script-outside-project', `${path} ${problem}, so it would not reach the instance`, { hint });
  const real = await realpath(join(root, path)).catch(() => join(root, path));
  const file = relative(root, real).split(sep).join('/');
  if (file.startsWith('../') || isAbsolute(file))
    return refuse(
      `is a link to ${real}, outside the project`,
      'copy it into the project, or name what the machine has',
    );
  const kept = foldersOf(file).find((folder) => exclude.includes(folder) || NEVER_COPIED.has(lastName(folder)));
  if (kept !== undefined) return refuse(`lies in ${kept}, which stays here`, 'move it out of there');
  if (secretByName(file) !== null)
    return refuse('may hold secrets by its name', `--include-pattern '${file}' sends it`);
  return refuse('is ignored', `take it out of .gitignore (git check-ignore -v ${file} names the line)`);
}

const lastName = (folder: string): string => folder.split('/').at(-1) ?? '';
