import { RunctlError, messageOf } from '@runctl/core';
import ignore from 'ignore';
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

/**
 * Files and symbolic links below `root` as git would see them, found without git: nested `.gitignore` files count, the
 * nearest last. Paths are relative, with `/`. Errors: `file-unreadable` for a folder that can't be listed.
 */
export async function walk(root: string): Promise<string[]> {
  const found: string[] = [];
  await walkFolder({ root, folder: '', rules: [] }, found);
  return found;
}

async function walkFolder(
  at: { readonly root: string; readonly folder: string; readonly rules: readonly Rules[] },
  found: string[],
): Promise<void> {
  const own = await rulesIn(at.root, at.folder);
  const rules = own === null ? at.rules : [...at.rules, own];
  for (const entry of await entriesOf(at.root, at.folder)) {
    const path = `${at.folder}${entry.name}`;
    if (NEVER_COPIED.has(entry.name)) continue;
    if (isIgnored(path, entry.isDirectory(), rules)) continue;
    if (entry.isDirectory()) await walkFolder({ root: at.root, folder: `${path}/`, rules }, found);
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
  }
}

async function entriesOf(root: string, folder: string): Promise<Dirent[]> {
  try {
    return await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    throw new RunctlError('file-unreadable', `can't list ${folder === '' ? root : folder}: ${messageOf(error)}`, {
      hint: 'make the folder readable, or name it in .gitignore',
      cause: error,
    });
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
