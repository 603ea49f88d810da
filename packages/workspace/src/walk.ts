import { RunctlError, messageOf } from '@runctl/core';
import ignore from 'ignore';
import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Never part of a snapshot, whatever git says: rebuilt, machine-bound, or the history itself. */
export const NEVER_COPIED: ReadonlySet<string> = new Set([
  '.git',
  '.runctl',
  '.venv',
  '__pycache__',
  'node_modules',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.ipynb_checkpoints',
]);

interface Rules {
  /** Folder that the `.gitignore` stands in, relative to the root, ending with `/` unless empty. */
  readonly base: string;
  readonly matcher: ReturnType<typeof ignore>;
}

/** What lies below a folder. Paths are relative, with `/`. */
export interface Walked {
  /** Files and symbolic links. */
  readonly files: string[];
  /** Folders with nothing at all in them. */
  readonly emptyFolders: string[];
  /** What can't be sent, one sentence each: pipes, sockets, devices, names that are not UTF-8. */
  readonly unsendable: string[];
  /** Folders that can't be listed. */
  readonly unlisted: { readonly folder: string; readonly error: unknown }[];
}

export interface WalkOptions {
  /** Also what `.gitignore` files name. */
  readonly withIgnored?: boolean;
}

interface Walk extends Walked {
  readonly root: string;
  readonly withIgnored: boolean;
}

/** Finds what git would see below `root`, without git: nested `.gitignore` files count, the nearest last. */
export async function walk(root: string, { withIgnored = false }: WalkOptions = {}): Promise<Walked> {
  const walked: Walk = { root, withIgnored, files: [], emptyFolders: [], unsendable: [], unlisted: [] };
  await walkFolder(walked, '', []);
  return walked;
}

/** The walk's files. Errors: `file-unreadable` for a folder that can't be listed. */
export function walkedFiles({ files, unlisted: [first] }: Walked): string[] {
  if (first === undefined) return files;
  const { folder, error } = first;
  throw new RunctlError(
    'file-unreadable',
    `can't list ${folder === '' ? 'the project' : folder}: ${messageOf(error)}`,
    {
      hint: 'make the folder readable, or name it in .gitignore',
      cause: error,
    },
  );
}

async function walkFolder(walked: Walk, folder: string, above: readonly Rules[]): Promise<void> {
  const own = walked.withIgnored ? null : await rulesIn(walked.root, folder);
  const rules = own === null ? above : [...above, own];
  const entries = await entriesOf(walked, folder);
  if (entries?.length === 0 && folder !== '') walked.emptyFolders.push(folder.slice(0, -1));
  for (const entry of entries ?? []) {
    const path = `${folder}${entry.name.toString()}`;
    if (NEVER_COPIED.has(entry.name.toString()) || isIgnored(path, entry.isDirectory(), rules)) continue;
    if (!isUtf8(entry.name))
      walked.unsendable.push(`${folder}${inAscii(entry.name)} is left out: its name is not UTF-8`);
    else if (entry.isDirectory()) await walkFolder(walked, `${path}/`, rules);
    else if (entry.isFile() || entry.isSymbolicLink()) walked.files.push(path);
    else walked.unsendable.push(`${path} is left out: it is ${kindOf(entry)}`);
  }
}

function kindOf(entry: Dirent<Buffer>): string {
  if (entry.isFIFO()) return 'a pipe';
  if (entry.isSocket()) return 'a socket';
  return 'a device';
}

/** The name with its other bytes as `\xe9`. */
export function inAscii(name: Buffer): string {
  return name
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Null where the folder can't be listed. */
async function entriesOf(walked: Walk, folder: string): Promise<Dirent<Buffer>[] | null> {
  try {
    return await readdir(join(walked.root, folder), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    walked.unlisted.push({ folder, error });
    return null;
  }
}

async function rulesIn(root: string, folder: string): Promise<Rules | null> {
  try {
    const text = await readFile(join(root, folder, '.gitignore'), 'utf8');
    return { base: folder, matcher: ignore().add(text) };
  } catch {
    return null;
  }
}

/** The nearest file with an opinion decides; a folder that is ignored is never entered, so nothing below it can come back. */
function isIgnored(path: string, isFolder: boolean, rules: readonly Rules[]): boolean {
  for (const { base, matcher } of [...rules].reverse()) {
    const verdict = matcher.test(path.slice(base.length) + (isFolder ? '/' : ''));
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}
