import { closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { INCOMPLETE_FOLDER_MARKER, isIgnoredName } from './names.ts';
import type { FileSeen, FolderTree, RecogniseContext } from './recogniser.ts';

const TEXT_LIMIT_BYTES = 64 * 1024;
const START_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * One look at a folder. Symlinks are followed as long as they stay inside it. What vanishes while looking is left out,
 * and a folder that is missing is empty. Errors of the file system other than those reject. With `unfinished` also what
 * bears a temporary name or stands in a folder that is marked as incomplete.
 */
export async function scanFolder(
  folder: string,
  { unfinished = false }: { readonly unfinished?: boolean } = {},
): Promise<FolderTree> {
  const root = await unlessGone(realpath(folder));
  if (root === null) return { files: [] };
  const scan: Scan = { root, files: [], visiting: new Set([root]), unfinished };
  await scanInto(scan, root, '');
  return { files: scan.files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

interface Scan {
  readonly root: string;
  readonly unfinished: boolean;
  readonly files: FileSeen[];
  /** Real folders from the root to here: a link to one of them would never end. */
  readonly visiting: ReadonlySet<string>;
}

async function scanInto(scan: Scan, folder: string, prefix: string): Promise<void> {
  const raw = (await unlessGone(readdir(folder, { encoding: 'buffer' }))) ?? [];
  const names = raw.map(String);
  if (!scan.unfinished && names.includes(INCOMPLETE_FOLDER_MARKER)) return;
  for (const [index, name] of names.entries()) {
    if (!scan.unfinished && isIgnoredName(name)) continue;
    if (name.includes('\u{FFFD}'))
      scan.files.push(...(await misnamed(raw[index] ?? Buffer.alloc(0), { folder, prefix })));
    const place = await insideOf(scan.root, join(folder, name));
    if (place === null) continue;
    const found = await unlessGone(stat(place, { bigint: true }));
    const path = prefix + name;
    if (found?.isFile()) scan.files.push(fileSeen(path, found));
    if (!found?.isDirectory() || scan.visiting.has(place)) continue;
    await scanInto({ ...scan, visiting: new Set([...scan.visiting, place]) }, place, `${path}/`);
  }
}

/** What has a name that is no UTF-8, a folder too: it can't be opened by a text, but must not be passed over either. */
async function misnamed(name: Buffer, at: { readonly folder: string; readonly prefix: string }): Promise<FileSeen[]> {
  const found = await unlessGone(stat(Buffer.concat([Buffer.from(`${at.folder}/`), name]), { bigint: true }));
  return found?.isFile() || found?.isDirectory() ? [fileSeen(at.prefix + String(name), found)] : [];
}

/** The real path of an entry; null when it leads outside or is gone. */
async function insideOf(root: string, path: string): Promise<string | null> {
  const entry = await unlessGone(lstat(path));
  if (entry === null || !entry.isSymbolicLink()) return entry === null ? null : path;
  const target = await unlessGone(realpath(path));
  return target !== null && (target === root || target.startsWith(root + sep)) ? target : null;
}

interface StatFields {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
}

const NANOSECONDS = 1e6;

export function fileSeen(path: string, found: StatFields): FileSeen {
  return {
    path,
    sizeBytes: Number(found.size),
    mtimeMs: Number(found.mtimeNs) / NANOSECONDS,
    ctimeMs: Number(found.ctimeNs) / NANOSECONDS,
    inode: `${found.dev}:${found.ino}`,
    mode: Number(found.mode) & (constants.S_IRWXU | constants.S_IRWXG | constants.S_IRWXO),
  };
}

/** What changes when somebody writes to a file or puts another in its place. */
export function fingerprintOf(file: FileSeen): string {
  return `${file.inode} ${file.sizeBytes} ${file.mtimeMs}`;
}

export async function unlessGone<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Whether a file-system error says that the path is not there (any more), or leads in a circle. */
export function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESTALE' || code === 'ELOOP';
}

export function folderContext(folder: string): RecogniseContext {
  return {
    readText: (path) => {
      try {
        const file = join(folder, path);
        if (statSync(file).size > TEXT_LIMIT_BYTES) return null;
        return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
      } catch {
        return null;
      }
    },
    readStart: (path, bytes) => {
      try {
        return startOf(join(folder, path), Math.min(bytes, START_LIMIT_BYTES));
      } catch {
        return null;
      }
    },
  };
}

function startOf(file: string, atMostBytes: number): Buffer {
  // Non-blocking, since a FIFO may have taken the place of the file.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(Math.min(atMostBytes, statSync(file).size));
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
