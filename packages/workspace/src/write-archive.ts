import { RunctlError, messageOf } from '@runctl/core';
import { createHash, type Hash } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { BLOCK, encodeHeader, padding } from './tar-header.ts';

/** What an archive has of one path. */
export interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'link' | 'folder';
  readonly executable: boolean;
  readonly sizeBytes: number;
  readonly linkTarget: string;
}

/** Packs entries into a file, and names the tree by their content. Errors: `file-unreadable`, also for a file that changes meanwhile. */
export async function writeArchive(
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
    // A link that took the file's place meanwhile may lead anywhere.
    await using file = await open(join(root, entry.path), constants.O_RDONLY | constants.O_NOFOLLOW);
    for await (const chunk of file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false })) {
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

/** The error for what can not be read of a project. */
export function unreadable(path: string, cause: unknown): RunctlError {
  return new RunctlError('file-unreadable', `can't read ${path}: ${messageOf(cause)}`, {
    hint: 'make it readable, or name it in .gitignore',
    cause,
  });
}
