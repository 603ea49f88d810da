import { RunctlError } from '@runctl/core';
import type { Stats } from 'node:fs';
import { lstat, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { matching, projectFiles, type ProjectFiles } from './project-files.ts';
import { holdsSecret, secretByName } from './secret-names.ts';
import { refuseMissing } from './required-files.ts';
import { filesNamedSecret, LinkedFolders, SecretLinks } from './secret-places.ts';
import { type Entry, unreadable, writeArchive } from './write-archive.ts';

/** A folder full of keys is told by its first ones. */
const SHOWN_SECRETS = 20;

export interface Snapshot {
  /** Names the tree by its content: paths, executable bits, sizes and bytes; never by dates, owners or machine. */
  readonly treeHash: string;
  /** A gzip'd tar (ustar with pax names) in the folder that was given; equal trees make equal archives. */
  readonly archivePath: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly fileCount: number;
  /** Sum of the files' sizes before compression. */
  readonly contentBytes: number;
  /** The largest files, for telling what makes a snapshot slow. */
  readonly largest: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** What decided which files go along, for people. */
  readonly reason: string;
  /** What a user may miss, one sentence each. */
  readonly notes: readonly string[];
}

export interface SnapshotOptions {
  /** Folder for the archive; exists. */
  readonly into: string;
  /** Folders below the root that stay behind, with `/`: the checkpoints. */
  readonly exclude?: readonly string[];
  /** Patterns as in .gitignore: what fits one is sent although git ignores it or it may hold secrets. */
  readonly include?: readonly string[];
  /** Home of the person: a file that is another name of a secret there stays behind. */
  readonly home?: string;
  /** Also names what stays behind because git ignores it, where it may hold secrets. */
  readonly tellIgnored?: boolean;
  /** Files, with `/`, that must reach the instance; the error says why one would not. */
  readonly required?: readonly string[];
}

/**
 * Archives what git would not ignore, empty folders too. What may hold secrets is left out with a note, tracked or not. A symbolic link is kept when it points inside the project, else left out with a note.
 * Errors: `file-unreadable` (also for a file that changes while it is read), `empty-project`, `script-outside-project` when
 * a file that is required stays behind.
 */
export async function snapshot(root: string, options: SnapshotOptions): Promise<Snapshot> {
  const { exclude = [], include = [], home = null, tellIgnored = false } = options;
  const found = await projectFiles(root, { exclude, include });
  const { entries, notes } = await describe(root, found, { isAskedFor: matching(include), home });
  if (tellIgnored) notes.push(...(await ignoredNotes(root, found.files)));
  const files = entries.filter(({ kind }) => kind !== 'folder');
  if (files.length === 0)
    throw new RunctlError('empty-project', `nothing in ${root} would be copied to the instance`, {
      hint: 'the project is empty, or .gitignore names everything in it',
    });
  await refuseMissing(root, { required: options.required ?? [], exclude, entries });
  const partial = join(options.into, `snapshot-${process.pid}.partial`);
  try {
    const { treeHash, sha256, sizeBytes } = await writeArchive(root, entries, partial);
    const archivePath = join(options.into, `${treeHash}.tar.gz`);
    await rename(partial, archivePath);
    const contentBytes = files.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    return {
      treeHash,
      archivePath,
      sizeBytes,
      sha256,
      fileCount: files.length,
      contentBytes,
      largest: [...entries].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 3),
      reason: found.reason,
      notes,
    };
  } finally {
    await rm(partial, { force: true });
  }
}

interface Described {
  readonly entries: Entry[];
  readonly notes: string[];
}

async function describe(
  root: string,
  found: ProjectFiles,
  { isAskedFor, home }: { readonly isAskedFor: (path: string) => boolean; readonly home: string | null },
): Promise<Described> {
  const described: Described = { entries: [], notes: [...found.notes] };
  const secrets: string[] = [];
  const linked = new LinkedFolders(root);
  const secretLinks = new SecretLinks(root, home);
  const behindLinks = new Set<string>();
  for (const path of found.files) {
    const link = await linked.above(path);
    if (link !== null) {
      behindLinks.add(link);
      continue;
    }
    const info = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      // In git's index, but deleted from the work tree.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw unreadable(path, error);
    });
    if (info === null) continue;
    const mayHoldSecret = async (): Promise<boolean> =>
      (await mayHoldSecrets(root, path, info)) || (info.isFile() && (await secretLinks.has(info)));
    if (!isAskedFor(path) && (await mayHoldSecret())) secrets.push(path);
    else await describeEntry(root, { path, info }, described);
  }
  for (const path of found.emptyFolders)
    described.entries.push({ path: `${path}/`, kind: 'folder', executable: true, sizeBytes: 0, linkTarget: '' });
  for (const link of behindLinks)
    described.notes.push(`what git knows below ${link} is left out: a link is there in place of the folder`);
  if (secrets.length > 0) described.notes.unshift(secretsNote(secrets));
  return described;
}

async function mayHoldSecrets(root: string, path: string, info: Stats): Promise<boolean> {
  if (secretByName(path) !== null) return true;
  if (!info.isFile()) return false;
  return holdsSecret(join(root, path), info.size).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

/** One note for all: however many there are, a plan must not hide another note behind them. */
function secretsNote(secrets: readonly string[]): string {
  return `left out, since they may hold secrets: ${namedFirst(secrets)}; --include-pattern '${secrets[0]}' would send ${secrets.length === 1 ? 'it' : 'the first'}`;
}

/** What git ignores is no part of a project, so its secrets are named only to who asks. */
async function ignoredNotes(root: string, files: readonly string[]): Promise<readonly string[]> {
  const listed = new Set(files);
  const ignored = (await filesNamedSecret(root)).filter((path) => !listed.has(path));
  return ignored.length === 0 ? [] : [`ignored by git, and may hold secrets: ${namedFirst(ignored)}`];
}

function namedFirst(secrets: readonly string[]): string {
  const more = secrets.length > SHOWN_SECRETS ? `, and ${secrets.length - SHOWN_SECRETS} more` : '';
  return `${secrets.slice(0, SHOWN_SECRETS).join(', ')}${more}`;
}

async function describeEntry(
  root: string,
  { path, info }: { readonly path: string; readonly info: Stats },
  { entries, notes }: Described,
): Promise<void> {
  if (info.isSymbolicLink()) {
    const linkTarget = await readlink(join(root, path));
    if (await pointsInside(root, path, linkTarget))
      entries.push({ path, kind: 'link', executable: false, sizeBytes: 0, linkTarget });
    else notes.push(`${path} is left out: it is a link to ${linkTarget}, outside the project`);
  } else if (info.isFile()) {
    const executable = (info.mode & 0o111) !== 0;
    entries.push({ path, kind: 'file', executable, sizeBytes: info.size, linkTarget: '' });
  } else notes.push(`${path} is left out: it is neither a file nor a link`);
}

/** Whether the link leads to something inside, both as written and after following further links. */
async function pointsInside(root: string, path: string, target: string): Promise<boolean> {
  if (isAbsolute(target)) return false;
  const written = resolve(root, dirname(path), target);
  const followed = await realpath(written).catch(() => written);
  const isInside = (place: string): boolean => {
    const inside = relative(root, place);
    return !inside.startsWith('..') && !isAbsolute(inside);
  };
  return isInside(written) && isInside(followed);
}
