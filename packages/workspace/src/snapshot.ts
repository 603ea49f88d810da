import { RunctlError, messageOf } from '@runctl/core';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { projectFiles } from './project-files.ts';
import { BLOCK, encodeHeader, padding } from './tar-header.ts';

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
  /** What a user may miss, one sentence each. */
  readonly notes: readonly string[];
}

export interface SnapshotOptions {
  /** Folder for the archive; exists. */
  readonly into: string;
  /** Folders below the root that stay behind, with `/`: the checkpoints. */
  readonly exclude?: readonly string[];
  /** Must be part of the snapshot; the error says so when it is ignored. */
  readonly script?: string;
}

interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'link';
  readonly executable: boolean;
  readonly sizeBytes: number;
  readonly linkTarget: string;
}

/**
 * Archives what git would not ignore. A symbolic link is kept when it points inside the project, else left out with a note.
 * Errors: `file-unreadable` (also for a file that changes while it is read), `empty-project`, `script-outside-project` when
 * the script itself is ignored.
 */
export async function snapshot(root: string, options: SnapshotOptions): Promise<Snapshot> {
  const notes: string[] = [];
  const entries = await describe(root, await projectFiles(root, options.exclude ?? []), notes);
  if (entries.length === 0)
    throw new RunctlError('empty-project', `nothing in ${root} would be copied to the instance`, {
      hint: 'the project is empty, or .gitignore names everything in it',
    });
  if (options.script !== undefined && !entries.some((entry) => entry.path === options.script))
    throw new RunctlError(
      'script-outside-project',
      `${options.script} is ignored, so it would not reach the instance`,
      {
        hint: `take it out of .gitignore (git check-ignore -v ${options.script} names the line)`,
      },
    );
  const partial = join(options.into, `snapshot-${process.pid}.partial`);
  try {
    const { treeHash, sha256, sizeBytes } = await writeArchive(root, entries, partial);
    const archivePath = join(options.into, `${treeHash}.tar.gz`);
    await rename(partial, archivePath);
    const contentBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    return {
      treeHash,
      archivePath,
      sizeBytes,
      sha256,
      fileCount: entries.length,
      contentBytes,
      largest: [...entries].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 3),
      notes,
    };
  } finally {
    await rm(partial, { force: true });
  }
}

async function describe(root: string, paths: readonly string[], notes: string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const path of paths) {
    const info = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      // In git's index, but deleted from the work tree.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw unreadable(path, error);
    });
    if (info === null) continue;
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
  return entries;
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
    yield encodeHeader({ path: entry.path, mode, sizeBytes: entry.sizeBytes, linkTarget });
    if (entry.kind === 'link') {
      tree.update(`${entry.path}\0link\0${entry.linkTarget}\n`);
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
