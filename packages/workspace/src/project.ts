import { RunctlError, messageOf, nearest } from '@runctl/core';
import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { refuseNoProject } from './system-folders.ts';
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path';

const MARKERS = ['.runctl.toml', '.git', 'pyproject.toml', 'requirements.txt', 'setup.py', 'Cargo.toml'];

export interface Project {
  /** Absolute, without symbolic links. */
  readonly root: string;
  /** What the folder is called on the instance. */
  readonly name: string;
  /** The file of the project that starts, with `/`; null where none is known. It must reach the instance. */
  readonly script: string | null;
  /** What made the root the root; null when the script's own folder was taken for want of a marker. */
  readonly marker: string | null;
}

export interface FindProjectOptions {
  readonly cwd: string;
  /** Never taken for a project: everything a person owns lies in it. */
  readonly home: string;
  /** Takes this folder for the root instead of looking for one. */
  readonly root?: string | undefined;
}

/** The project of a folder, for what starts without a file of its own. Errors: as `findProject`. */
export async function projectOf(folder: string, options: FindProjectOptions): Promise<Project> {
  const from = await realpath(folder);
  const home = await real(options.home);
  const { root, marker } = await rootOf(from, home, options);
  refuseNoProject(root, home);
  const inside = relative(root, from);
  if (inside.startsWith('..') || isAbsolute(inside))
    throw new RunctlError('script-outside-project', `${folder} is not inside the project ${root}`, {
      hint: 'only the project is copied to the instance: go there first, or name another root with --project',
    });
  return { root, name: folderName(root), script: null, marker };
}

/**
 * The project a script belongs to: the nearest folder at or above it that has a marker, else the script's own folder.
 * Errors: `script-not-found`, `script-outside-project` (the script lies outside the root that was asked for, or the root would
 * be the home folder, a system folder, or one that has either in it), `usage` (the root that was asked for is no folder).
 */
export async function findProject(
  script: string,
  options: FindProjectOptions,
): Promise<Project & { readonly script: string }> {
  const path = await realScript(resolve(options.cwd, script), script);
  const home = await real(options.home);
  const { root, marker } = await rootOf(dirname(path), home, options);
  refuseNoProject(root, home);
  const inside = relative(root, path);
  if (inside.startsWith('..') || isAbsolute(inside))
    throw new RunctlError('script-outside-project', `${script} is not inside the project ${root}`, {
      hint: 'only the project is copied to the instance: move the script into it, or name another root with --project',
    });
  return { root, name: folderName(root), script: inside.split(sep).join('/'), marker };
}

async function realScript(path: string, asGiven: string): Promise<string> {
  try {
    const found = await realpath(path);
    if (!(await stat(found)).isFile())
      throw new RunctlError('script-not-found', `${asGiven} is not a file`, { hint: 'give the script to train with' });
    await access(found, constants.R_OK);
    return found;
  } catch (error) {
    if (error instanceof RunctlError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new RunctlError('script-not-found', `there is no script ${asGiven}`, {
        hint: await nearestScript(path),
        cause: error,
      });
    throw new RunctlError('file-unreadable', `can't read ${asGiven}: ${messageOf(error)}`, { cause: error });
  }
}

async function nearestScript(path: string): Promise<string> {
  const beside = await readdir(dirname(path)).catch(() => []);
  const close = nearest(basename(path), beside);
  return close === null ? `looked for ${path}` : `did you mean ${close}? (looked for ${path})`;
}

async function rootOf(
  from: string,
  home: string,
  { cwd, root }: FindProjectOptions,
): Promise<{ root: string; marker: string | null }> {
  if (root === undefined) return nearestRoot(from, home);
  return { root: await realFolder(resolve(cwd, root), root), marker: 'option' };
}

async function nearestRoot(from: string, home: string): Promise<{ root: string; marker: string | null }> {
  const top = parse(from).root;
  for (let folder = from; folder !== top && folder !== home; folder = dirname(folder)) {
    const marker = await markerIn(folder);
    if (marker !== null) return { root: folder, marker };
  }
  return { root: from, marker: null };
}

async function markerIn(folder: string): Promise<string | null> {
  for (const marker of MARKERS) {
    const found = await stat(join(folder, marker)).catch(() => null);
    if (found !== null) return marker;
  }
  return null;
}

async function realFolder(path: string, asGiven: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return realpath(path);
  throw new RunctlError('usage', `--project ${asGiven} is ${found === null ? 'not there' : 'not a folder'}`, {
    hint: `looked for ${path}`,
  });
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

/** A name that needs no quoting in a shell and hides nothing. */
function folderName(root: string): string {
  const name = basename(root)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '');
  return name === '' ? 'project' : name;
}
