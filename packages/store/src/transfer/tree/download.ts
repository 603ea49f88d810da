import { hash } from 'node:crypto';
import { mkdir, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { collect } from '../../object-body.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from '../../object-store.ts';
import { getToFile } from '../get-file.ts';
import { partGrid } from '../part-grid.ts';
import type { TransferOptions } from '../put-file.ts';
import { checksumHolds, crc32Of } from '../../crc32.ts';
import { type Evidence, looksLikeMd5 } from './checksums.ts';
import { openJournal } from './journal.ts';
import { isInside } from './local-tree.ts';
import { partFileOf } from './part-file.ts';

export interface DownloadOptions extends TransferOptions {
  /** Real path that the target must stay in. */
  readonly root: string;
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
export async function downloadFile(
  store: ObjectStore,
  object: ObjectInfo,
  target: string,
  options: DownloadOptions,
): Promise<Downloaded> {
  await mkdir(dirname(target), { recursive: true });
  if (!isInside(options.root, await realpath(dirname(target)))) throw new OutsideError(target, options.root);
  const bring = partGrid(object.sizeBytes, options.partSizeBytes).parts.length === 1 ? bringWhole : bringInParts;
  const verified = (await bring(store, object, target, options)) ?? (await bring(store, object, target, options));
  if (verified === null) throw new DamagedObjectError(object.key);
  const { part, journal } = partFileOf(target);
  const seconds = object.lastModifiedMs / 1000;
  await utimes(part, seconds, seconds);
  await rename(part, target);
  await rm(journal, { force: true });
  return { verified };
}

/** Null when the bytes are not those that the checksum was made of. */
async function bringWhole(
  store: ObjectStore,
  object: ObjectInfo,
  target: string,
  options: DownloadOptions,
): Promise<Evidence | null> {
  const { key, etag, sizeBytes } = object;
  const answer = await store.get(key, { ifMatch: etag, checksum: true, signal: options.signal });
  const bytes = await collect(answer.body);
  if (bytes.byteLength !== sizeBytes) throw new StoreError('transient', `${key} came with a wrong length`, { key });
  const holds = checksumHolds(answer.crc32, [{ sizeBytes, crc32: crc32Of(bytes) }]);
  if (holds === false) return null;
  await writeAnew(partFileOf(target).part, bytes);
  options.onProgress?.(sizeBytes);
  if (holds === true) return 'crc32';
  return looksLikeMd5(etag) && hash('md5', bytes, 'hex') === etag ? 'md5' : 'length';
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

async function bringInParts(
  store: ObjectStore,
  object: ObjectInfo,
  target: string,
  options: DownloadOptions,
): Promise<Evidence | null> {
  const { key, etag } = object;
  const head = await store.head(key, { checksum: true, signal: options.signal });
  if (head?.etag !== etag) throw new StoreError('precondition', `${key} was replaced meanwhile`, { key });
  const places = partFileOf(target);
  const journal = await openJournal(target, object, options.partSizeBytes);
  try {
    for (const { sizeBytes } of journal.known?.values() ?? []) options.onKnown?.(sizeBytes);
    const known = journal.known === undefined ? {} : { known: journal.known };
    const { parts } = await getToFile(store, key, places.part, {
      ...options,
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
