import { chown, lstat, mkdir, realpath, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, formatBytes, inParallel, messageOf } from '@runctl/core';
import type { KeptFile, KeptOutput } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { unlessGone } from '../look/scan.ts';
import { DamagedFile, fetchFile } from '../restore/fetch-file.ts';
import { sidePlaces } from '../restore/place.ts';
import { giveTime, isAsKept } from './send-output.ts';

export interface FetchOutputOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** Absolute; made if it is missing. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** A local file that was written later stays. */
  readonly keepNewer: boolean;
  /** Moves what is in the way to `.runctl-set-aside-…`; else it is replaced. */
  readonly setAside: 'in-the-way' | null;
  /** Bytes that the folder's disk has free; default: as the system says, null = it can't tell. */
  readonly freeBytes?: ((folder: string) => Promise<number | null>) | undefined;
  readonly onProgress?: ((progress: { readonly doneBytes: number; readonly totalBytes: number }) => void) | undefined;
}

export interface FetchedOutput {
  /** Paths of files that are in the folder as they were kept. */
  readonly placed: readonly string[];
  /** Files that could not be brought, or not put in place, each with why; for people. */
  readonly missing: readonly string[];
  /** What was moved aside; for people. */
  readonly warnings: readonly string[];
  /** Whether a file's object is gone from the bucket: the index may name another by now. */
  readonly isOutdated: boolean;
}

const FILES_AT_ONCE = 4;
/** What a script is to find free after its output was put back. */
const ROOM_LEFT_BYTES = 1024 ** 3;

/**
 * Brings kept files into a folder, each part held against its hash; files that are there already stay. Interrupted, it goes
 * on where it stopped. What the disk has no room for stays in the bucket, and is told. Rejects as the store does.
 */
export async function fetchOutput(output: KeptOutput, options: FetchOutputOptions): Promise<FetchedOutput> {
  const folder = await madeFolder(options);
  const { staging, setAside } = await sidePlaces(folder);
  const { wanted, placed } = await compared(output.files, folder, options);
  const missing: string[] = [];
  const warnings: string[] = [];
  const totalBytes = wanted.reduce((sum, file) => sum + file.sizeBytes, 0);
  const { freeBytes = freeOnDisk } = options;
  const free = totalBytes === 0 ? null : await freeBytes(folder);
  if (free !== null && free < totalBytes + ROOM_LEFT_BYTES)
    return { placed, missing: [noRoom(totalBytes)], warnings, isOutdated: false };
  let doneBytes = 0;
  let isOutdated = false;
  const advance = (bytes: number): void => {
    doneBytes += bytes;
    options.onProgress?.({ doneBytes, totalBytes });
  };
  const bring = async (file: KeptFile, signal: AbortSignal): Promise<void> => {
    const from = join(staging, file.path);
    try {
      await fetchFile(file, from, { ...options, signal, advance });
      await giveTime(from, file);
      const moved = await put(file, { ...options, folder, from, aside: setAside });
      if (moved) warnings.push(`moved to ${setAside}: ${file.path}`);
      placed.push(file.path);
    } catch (error) {
      if (!(error instanceof DamagedFile || error instanceof InTheWay)) throw error;
      isOutdated ||= error.message.endsWith('is missing');
      missing.push(`${file.path} is not put back: ${error.message}`);
    }
  };
  await inParallel(wanted, { concurrency: FILES_AT_ONCE, signal: options.signal }, bring);
  await rm(staging, { recursive: true, force: true });
  return { placed, missing, warnings, isOutdated };
}

async function madeFolder({ folder, owner }: FetchOutputOptions): Promise<string> {
  await makeOwned(folder, owner);
  return realpath(folder);
}

/** Makes a folder if it is missing; whatever is made for it belongs to the owner. Rejects with InTheWay behind a link. */
async function makeOwned(folder: string, owner: FetchOutputOptions['owner'], root = folder): Promise<void> {
  for (let place = folder; place.length >= root.length; place = dirname(place)) {
    const found = await unlessGone(lstat(place));
    // One of the script's would lead elsewhere.
    if (place !== root && found?.isSymbolicLink() === true) throw new InTheWay(`${place} is a link`);
  }
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined || owner === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await chown(made, owner.uid, owner.gid);
}

async function compared(
  files: readonly KeptFile[],
  folder: string,
  { keepNewer }: FetchOutputOptions,
): Promise<{ readonly wanted: readonly KeptFile[]; readonly placed: string[] }> {
  const wanted: KeptFile[] = [];
  const placed: string[] = [];
  for (const file of files) {
    const found = await unlessGone(lstat(join(folder, file.path)));
    const local = found?.isFile() === true ? { sizeBytes: found.size, mtimeMs: found.mtimeMs } : null;
    if (local !== null && isAsKept(local, file)) placed.push(file.path);
    else if (local === null || !keepNewer || local.mtimeMs <= file.modifiedMs) wanted.push(file);
  }
  return { wanted, placed };
}

async function freeOnDisk(folder: string): Promise<number | null> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return blocks === 0 ? null : bavail * bsize;
}

const noRoom = (bytes: number): string =>
  `the output of before (${formatBytes(bytes)}) is not put back: the disk has no room for it; it stays in the bucket`;

/** Something else stands at a file's place, or on the way to it. */
class InTheWay extends Error {}

interface Placing extends FetchOutputOptions {
  readonly from: string;
  /** Where what is in the way goes, if it goes. */
  readonly aside: string;
}

/** Puts a fetched file in its place; resolves with whether something was moved aside for it. */
async function put({ path }: KeptFile, placing: Placing): Promise<boolean> {
  const { aside, folder, from, owner, setAside } = placing;
  const target = join(folder, path);
  try {
    await makeOwned(dirname(target), owner, folder);
    const moves = setAside !== null && (await unlessGone(lstat(target))) !== null;
    if (moves) {
      await mkdir(dirname(join(aside, path)), { recursive: true });
      await rename(target, join(aside, path));
    }
    if (owner !== undefined) await chown(from, owner.uid, owner.gid);
    await rename(from, target);
    return moves;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
    if (!['EISDIR', 'EEXIST', 'ENOTDIR', 'ENOTEMPTY'].includes(code)) throw error;
    throw new InTheWay(messageOf(error));
  }
}
