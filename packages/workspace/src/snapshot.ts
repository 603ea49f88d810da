import { RunctlError, messageOf } from '@runctl/core';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { lstat, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { matching, projectFiles, type ProjectFiles } from './project-files.ts';
import { holdsSecret, secretByName } from './secret-names.ts';
import { BLOCK, encodeHeader, padding } from './tar-header.ts';

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
  /** Must be part of the snapshot; the error says so when it is ignored. */
  readonly script?: string | null;
}

interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'link' | 'folder';
  readonly executable: boolean;
  readonly sizeBytes: number;
  readonly linkTarget: string;
}

/**
 * Archives what git would not ignore, empty folders too. What may hold secrets is left out with a note, tracked or not. A symbolic link is kept when it points inside the project, else left out with a note.
 * Errors: `file-unreadable` (also for a file that changes while it is read), `empty-project`, `script-outside-project` when
 * the script itself is ignored.
 */
export async function snapshot(root: string, options: SnapshotOptions): Promise<Snapshot> {
  const { exclude = [], include = [] } = options;
  const found = await projectFiles(root, { exclude, include });
  const { entries, notes } = await describe(root, found, matching(include));
  const files = entries.filter(({ kind }) => kind !== 'folder');
  if (files.length === 0)
    throw new RunctlError('empty-project', `nothing in ${root} would be copied to the instance`, {
      hint: 'the project is empty, or .gitignore names everything in it',
    });
  const { script = null } = options;
  if (script !== null && !entries.some((entry) => entry.path === script))
    throw new RunctlError('script-outside-project', `${script} is ignored, so it would not reach the instance`, {
      hint: `take it out of .gitignore (git check-ignore -v ${script} names the line)`,
    });
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

async function describe(root: string, found: ProjectFiles, isAskedFor: (path: string) => boolean): Promise<Described> {
  const described: Described = { entries: [], notes: [...found.notes] };
  const secrets: string[] = [];
  for (const path of found.files) {
    const info = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      // In git's index, but deleted from the work tree.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw unreadable(path, error);
    });
    if (info === null) continue;
    if (!isAskedFor(path) && (await mayHoldSecrets(root, path, info))) secrets.push(path);
    else await describeEntry(root, { path, info }, described);
  }
  for (const path of found.emptyFolders)
    described.entries.push({ path: `${path}/`, kind: 'folder', executable: true, sizeBytes: 0, linkTarget: '' });
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
  const shown = secrets.slice(0, SHOWN_SECRETS).join(', ');
  const more = secrets.length > SHOWN_SECRETS ? `, and ${secrets.length - SHOWN_SECRETS} more` : '';
  return `left out, since they may hold secrets: ${shown}${more}; --include-pattern '${secrets[0]}' would send ${secrets.length === 1 ? 'it' : 'the first'}`;
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

async function writeArchive(
  root: string,
  entries: readonly Entry[],
  file: string,
): Promise<{ treeHash: string; sha256: string; sizeBytes: number }> {
  const tree = createHash('sha256');
  const archive = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      archive.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.from(tarBytes(root, entries, tree)),
    createGzip({ level: 6 }),
    measure,
    createWriteStream(file, { mode: 0o600 }),
  );
  return { treeHash: tree.digest('hex'), sha256: archive.digest('hex'), sizeBytes };
}

async function* tarBytes(root: string, entries: readonly Entry[], tree: Hash): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const mode = entry.executable || entry.kind === 'link' ? 0o755 : 0o644;
    const linkTarget = entry.kind === 'link' ? entry.linkTarget : undefined;
    const isFolder = entry.kind === 'folder';
    yield encodeHeader({ path: entry.path, mode, sizeBytes: entry.sizeBytes, linkTarget, isFolder });
    if (entry.kind !== 'file') {
      tree.update(`${entry.path}\0${entry.kind}\0${entry.linkTarget}\n`);
      continue;
    }
    const content = createHash('sha256');
    yield* fileBytes(root, entry, content);
    yield padding(entry.sizeBytes);
    tree.update(`${entry.path}\0${entry.executable ? 'x' : '-'}\0${entry.sizeBytes}\0${content.digest('hex')}\n`);
  }
  yield Buffer.alloc(BLOCK * 2);
}

async function* fileBytes(root: string, entry: Entry, content: Hash): AsyncGenerator<Buffer> {
  let read = 0;
  try {
    for await (const chunk of createReadStream(join(root, entry.path), { highWaterMark: 256 * 1024 })) {
      const bytes = chunk as Buffer;
      read += bytes.length;
      if (read > entry.sizeBytes) break;
      content.update(bytes);
      yield bytes;
    }
  } catch (error) {
    throw unreadable(entry.path, error);
  }
  if (read !== entry.sizeBytes)
    throw new RunctlError('file-unreadable', `${entry.path} changed while it was copied`, {
      hint: 'launch again once nothing writes to it, or name it in .gitignore',
    });
}

function unreadable(path: string, cause: unknown): RunctlError {
  return new RunctlError('file-unreadable', `can't read ${path}: ${messageOf(cause)}`, {
    hint: 'make it readable, or name it in .gitignore',
    cause,
  });
}
