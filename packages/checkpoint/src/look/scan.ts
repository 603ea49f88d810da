import { type BigIntStats, closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { INCOMPLETE_FOLDER_MARKER, isIgnoredName } from './names.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import type { FileSeen, FolderTree, RecogniseContext } from '../contract/recogniser.ts';

const TEXT_LIMIT_BYTES = 64 * 1024;
const START_LIMIT_BYTES = 8 * 1024 * 1024;

/** What one look found, and what it had to leave out though it stands there under a name that counts. */
export interface ScannedFolder extends FolderTree {
  /** Only where they were asked for: files that bear a temporary name or stand in a folder that is marked as incomplete. */
  readonly unfinished: readonly FileSeen[];
  readonly passedOver: readonly PassedOver[];
  /** Folders of `passedOver` whose content nobody could look at. */
  readonly unreadable: readonly string[];
}

/**
 * One look at a folder. Symlinks are followed as long as they stay inside it. What vanishes while looking is left out,
 * and a folder that is missing is empty. What can't be part of a checkpoint (links that lead out, sockets, pipes, devices)
 * and what this process may not look into is told in `passedOver`; only when that is the folder itself, this rejects.
 * With `unfinished` it looks at what is part of no checkpoint yet as well.
 */
export async function scanFolder(
  folder: string,
  { unfinished = false }: { readonly unfinished?: boolean } = {},
): Promise<ScannedFolder> {
  const root = await unlessGone(realpath(folder));
  const found: Found = { files: [], passedOver: [], unreadable: [] };
  const aside: Found = { files: [], passedOver: [], unreadable: [] };
  if (root === null) return { ...found, unfinished: [] };
  const scan = { root, found, unfinished: unfinished ? aside : null, visiting: new Set([root]) };
  await scanNames(scan, await namesIn(root), { folder: root, prefix: '' });
  const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);
  const { files, passedOver, unreadable } = found;
  return {
    files: files.sort(byPath),
    unfinished: aside.files.sort(byPath),
    passedOver: passedOver.sort(byPath),
    unreadable,
  };
}

interface Found {
  readonly files: FileSeen[];
  readonly passedOver: PassedOver[];
  readonly unreadable: string[];
}

interface Scan {
  readonly root: string;
  readonly found: Found;
  /** For what is unfinished; null where nobody wants to know. */
  readonly unfinished: Found | null;
  /** Real folders from the root to here: a link to one of them would never end. */
  readonly visiting: ReadonlySet<string>;
}

interface FolderPlace {
  readonly folder: string;
  readonly prefix: string;
}

async function namesIn(folder: string): Promise<readonly Buffer[]> {
  return (await unlessGone(readdir(folder, { encoding: 'buffer' }))) ?? [];
}

async function scanInto(scan: Scan, place: FolderPlace): Promise<void> {
  try {
    return await scanNames(scan, await namesIn(place.folder), place);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const path = place.prefix.slice(0, -1);
    scan.found.passedOver.push({ path, why: `can't be looked into (${error.code})` });
    scan.found.unreadable.push(path);
  }
}

async function scanNames(inFolder: Scan, raw: readonly Buffer[], { folder, prefix }: FolderPlace): Promise<void> {
  const names = raw.map(String);
  const isMarked = names.includes(INCOMPLETE_FOLDER_MARKER);
  for (const [index, name] of names.entries()) {
    const scan = isMarked || isIgnoredName(name) ? asUnfinished(inFolder) : inFolder;
    if (scan === null) continue;
    if (name.includes('\u{FFFD}'))
      scan.found.files.push(...(await misnamed(raw[index] ?? Buffer.alloc(0), { folder, prefix })));
    const path = prefix + name;
    const place = await insideOf(scan, join(folder, name), path);
    if (place === null) continue;
    const found = await unlessGone(stat(place, { bigint: true }));
    if (found === null) continue;
    if (found.isFile()) scan.found.files.push(fileSeen(path, found));
    else if (!found.isDirectory()) scan.found.passedOver.push({ path, why: `is ${kindOf(found)}, and no checkpoint` });
    else if (!scan.visiting.has(place))
      await scanInto({ ...scan, visiting: new Set([...scan.visiting, place]) }, { folder: place, prefix: `${path}/` });
  }
}

function asUnfinished(scan: Scan): Scan | null {
  return scan.unfinished === null ? null : { ...scan, found: scan.unfinished };
}

/** What has a name that is no UTF-8, a folder too: it can't be opened by a text, but must not be passed over either. */
async function misnamed(name: Buffer, at: FolderPlace): Promise<FileSeen[]> {
  const found = await unlessGone(stat(Buffer.concat([Buffer.from(`${at.folder}/`), name]), { bigint: true }));
  return found?.isFile() || found?.isDirectory() ? [fileSeen(at.prefix + String(name), found)] : [];
}

/** The real path of an entry; null when it leads outside, which is noted, or is gone. */
async function insideOf(scan: Scan, place: string, path: string): Promise<string | null> {
  const entry = await unlessGone(lstat(place));
  if (entry === null || !entry.isSymbolicLink()) return entry === null ? null : place;
  const target = await unlessGone(realpath(place)).catch(ifForbidden);
  if (target === null || target === scan.root || target?.startsWith(scan.root + sep) === true) return target;
  const where = target ?? 'a place that this process may not see';
  scan.found.passedOver.push({
    path,
    why: `is a link to ${where}, outside of the checkpoint folder, and not followed`,
  });
  return null;
}

function ifForbidden(error: unknown): undefined {
  if (!isForbidden(error)) throw error;
}

function kindOf(found: BigIntStats): string {
  if (found.isSocket()) return 'a socket';
  return found.isFIFO() ? 'a pipe' : 'a device';
}

interface StatFields {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly birthtimeNs: bigint;
}

const NANOSECONDS = 1e6;

export function fileSeen(path: string, found: StatFields): FileSeen {
  return {
    path,
    sizeBytes: Number(found.size),
    mtimeMs: Number(found.mtimeNs) / NANOSECONDS,
    ctimeMs: Number(found.ctimeNs) / NANOSECONDS,
    inode: `${found.dev}:${found.ino}`,
    ...(found.birthtimeNs > 0n ? { bornMs: Number(found.birthtimeNs) / NANOSECONDS } : {}),
    mode: Number(found.mode) & (constants.S_IRWXU | constants.S_IRWXG | constants.S_IRWXO),
  };
}

/** What changes when somebody writes to a file or puts another in its place. */
export function fingerprintOf({ inode, bornMs, sizeBytes, mtimeMs }: FileSeen): string {
  return `${inode} ${bornMs ?? ''} ${sizeBytes} ${mtimeMs}`;
}

export async function unlessGone<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EIO', 'ENAMETOOLONG']);

/** Whether a file-system error says that something is there and can't be opened, however often it is tried. */
export function isForbidden(error: unknown): error is NodeJS.ErrnoException {
  return FORBIDDEN.has((error as NodeJS.ErrnoException | null)?.code ?? '');
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
