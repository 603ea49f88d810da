import { hash } from 'node:crypto';
import { mkdir, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PART_SIZE_BYTES } from '@runctl/protocol';
import { type ObjectInfo, type ObjectStore, StoreError } from '../../port/object-store.ts';
import { fill, getToFile } from '../get-file.ts';
import { partGrid } from '../../parts/part-grid.ts';
import type { FileTransferOptions } from '../put-file.ts';
import { SMALL_FILE_BYTES, type SmallFiles } from '../small-files.ts';
import { checksumHolds, crc32Of } from '../../port/crc32.ts';
import { type Evidence, looksLikeMd5 } from './checksums.ts';
import { openJournal } from './journal.ts';
import { isInside } from './local-tree.ts';
import { partFileOf } from './part-file.ts';

/** An object and the file that it becomes. */
export interface Download extends FileTransferOptions {
  readonly object: ObjectInfo;
  readonly target: string;
  /** Real path that the target must stay in. */
  readonly root: string;
  /** Threads that write small files; for who fetches a great many. */
  readonly files?: SmallFiles | undefined;
  /** Called with the bytes of each part that an earlier try had brought already. */
  readonly onKnown?: (bytes: number) => void;
}

export interface Downloaded {
  /** What the bytes were held against; `length` = the object carries no checksum that could tell. */
  readonly verified: Evidence;
}

/** What came is not what S3 recorded of the object, also not when it was fetched again. */
export class DamagedObjectError extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`${key} does not hold the bytes that S3 recorded a checksum of`);
    this.name = 'DamagedObjectError';
    this.key = key;
  }
}

/** A folder on the way to the target leads out of the place that was asked for. */
export class OutsideError extends Error {
  constructor(target: string, root: string) {
    super(`${target} would be written outside ${root}, through a link`);
    this.name = 'OutsideError';
  }
}

/**
 * Brings an object to `target`, verified by the checksum that S3 recorded, in a part file beside it that is renamed when it
 * is whole. What an earlier try has left of the same version is verified and used. An older file stays until then. Rejects
 * with DamagedObjectError, OutsideError, StoreError (`precondition` when the object is replaced meanwhile), and the file
 * system's errors.
 */
export async function downloadFile(store: ObjectStore, download: Download): Promise<Downloaded> {
  const { object, target, files, root } = download;
  const most = Math.min(SMALL_FILE_BYTES, download.partSizeBytes ?? PART_SIZE_BYTES);
  if (files !== undefined && object.sizeBytes <= most) return downloadSmall(store, download, files);
  await mkdir(dirname(target), { recursive: true });
  if (!isInside(root, await realpath(dirname(target)))) throw new OutsideError(target, root);
  const bring = partGrid(object.sizeBytes, download.partSizeBytes).parts.length === 1 ? bringWhole : bringInParts;
  const verified = (await bring(store, download)) ?? (await bring(store, download));
  if (verified === null) throw new DamagedObjectError(object.key);
  const { part, journal } = partFileOf(target);
  const seconds = object.lastModifiedMs / 1000;
  await utimes(part, seconds, seconds);
  await rename(part, target);
  await rm(journal, { force: true });
  return { verified };
}

async function downloadSmall(store: ObjectStore, download: Download, files: SmallFiles): Promise<Downloaded> {
  const { object, target, root } = download;
  const whole = (await fetchWhole(store, download)) ?? (await fetchWhole(store, download));
  if (whole === null) throw new DamagedObjectError(object.key);
  const modifiedSeconds = object.lastModifiedMs / 1000;
  const delivery = { ...partFileOf(target), target, root, modifiedSeconds, bytes: whole.bytes };
  if (!(await files.deliver(delivery))) throw new OutsideError(target, root);
  download.onProgress?.(object.sizeBytes);
  return { verified: whole.verified };
}

interface Whole extends Downloaded {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Null when the bytes are not those that the checksum was made of. */
async function fetchWhole(store: ObjectStore, { object, signal }: Download): Promise<Whole | null> {
  const { key, etag, sizeBytes } = object;
  const bytes = new Uint8Array(sizeBytes);
  const answer = await store.get(key, { ifMatch: etag, checksum: true, signal, into: bytes });
  if (!(await fill(bytes, answer.body))) throw new StoreError('transient', `${key} came with a wrong length`, { key });
  const crc32 = crc32Of(bytes);
  const holds = checksumHolds(answer.crc32, [{ sizeBytes, crc32 }]);
  if (holds === false) return null;
  if (holds === true) return { bytes, verified: 'crc32' };
  return { bytes, verified: looksLikeMd5(etag) && hash('md5', bytes, 'hex') === etag ? 'md5' : 'length' };
}

async function bringWhole(store: ObjectStore, download: Download): Promise<Evidence | null> {
  const whole = await fetchWhole(store, download);
  if (whole === null) return null;
  await writeAnew(partFileOf(download.target).part, whole.bytes);
  download.onProgress?.(download.object.sizeBytes);
  return whole.verified;
}

/** Never into a file, or through a link, that stands there already. */
async function writeAnew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What a full disk left of it must not stay.
    await rm(path, { force: true });
    if (code !== 'EEXIST') throw error;
    await writeFile(path, bytes, { flag: 'wx' });
  }
}

async function bringInParts(store: ObjectStore, download: Download): Promise<Evidence | null> {
  const { object, target } = download;
  const { key, etag } = object;
  const head = await store.head(key, { checksum: true, signal: download.signal });
  if (head?.etag !== etag) throw new StoreError('precondition', `${key} was replaced meanwhile`, { key });
  const places = partFileOf(target);
  const journal = await openJournal(target, object, download.partSizeBytes);
  try {
    for (const { sizeBytes } of journal.known?.values() ?? []) download.onKnown?.(sizeBytes);
    const known = journal.known === undefined ? {} : { known: journal.known };
    const { parts } = await getToFile(store, {
      key,
      path: places.part,
      ...download,
      ...known,
      info: object,
      onPart: journal.add,
    });
    const holds = checksumHolds(head.crc32, parts);
    if (holds !== false) return holds === true ? 'crc32' : 'length';
  } finally {
    await journal.close();
  }
  await Promise.all([rm(places.part, { force: true }), rm(places.journal, { force: true })]);
  return null;
}
