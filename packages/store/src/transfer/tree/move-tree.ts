import { realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inParallel } from '@runctl/core';
import { PART_SIZE_BYTES } from '@runctl/protocol';
import { isStoreError, type ObjectStore } from '../../port/object-store.ts';
import { FileChangedError, sameFile } from '../file-identity.ts';
import { putFile, type PutFileRequest } from '../put-file.ts';
import { SMALL_FILE_BYTES, SmallFiles } from '../small-files.ts';
import type { Evidence } from './checksums.ts';
import { DamagedObjectError, downloadFile, OutsideError } from './download.ts';
import type { TreeAction } from './plan.ts';
import type { RemoteFile } from './remote-tree.ts';

export interface MovedFile {
  readonly action: TreeAction;
  /** Bytes that went over the network; the others were there from an earlier try. */
  readonly movedBytes: number;
  /** Of a download; S3 itself checks each part of an upload against its CRC-32. Null for deletions. */
  readonly verified: Evidence | null;
}

export interface FailedFile {
  readonly action: TreeAction;
  readonly error: unknown;
}

export interface MoveOptions {
  readonly store: ObjectStore;
  /** Real path of the folder. */
  readonly root: string;
  /** Key of the object that a path is uploaded to, or deleted at. */
  readonly keyOf: (path: string) => string;
  /** The objects that the plan was made of, by path. */
  readonly remote: ReadonlyMap<string, RemoteFile>;
  /** Files of one part moved at the same time (default 16); of larger ones two, each in parallel parts. */
  readonly concurrency?: number;
  readonly partSizeBytes?: number;
  readonly signal: AbortSignal;
  /** Bytes that are through; `known` when an earlier try had brought them. */
  readonly onBytes?: (bytes: number, how: 'moved' | 'known') => void;
  readonly onFile?: (file: MovedFile) => void;
}

const SMALL_AT_ONCE = 16;
/** Each takes eight buffers of a part. */
const LARGE_AT_ONCE = 2;
const DELETED_AT_ONCE = 1000;
/** Files that save what a thread of their own costs to start, some 20 ms of CPU. */
const WORTH_A_THREAD = 200;

/**
 * Carries out a plan; deletions last, and only when all else went well. A file that can't be moved does not hold up the
 * others: it is in the result. Rejects when nothing more can succeed: credentials, no such bucket, full disk, the signal.
 */
export async function moveTree(
  plan: readonly TreeAction[],
  options: MoveOptions,
): Promise<{ readonly moved: readonly MovedFile[]; readonly failed: readonly FailedFile[] }> {
  const moved: MovedFile[] = [];
  const failed: FailedFile[] = [];
  const done = (file: MovedFile): void => {
    moved.push(file);
    options.onFile?.(file);
  };
  const moving = plan.filter(({ kind }) => kind === 'upload' || kind === 'download');
  const partSizeBytes = options.partSizeBytes ?? PART_SIZE_BYTES;
  const smallCount = moving.filter((action) => action.sizeBytes <= SMALL_FILE_BYTES).length;
  await using files = smallCount < WORTH_A_THREAD ? undefined : new SmallFiles();
  const lanes = [
    {
      items: moving.filter((action) => action.sizeBytes <= partSizeBytes),
      limit: options.concurrency ?? SMALL_AT_ONCE,
    },
    { items: moving.filter((action) => action.sizeBytes > partSizeBytes), limit: LARGE_AT_ONCE },
  ];
  for (const { items, limit } of lanes)
    await inParallel(items, { concurrency: limit, signal: options.signal }, async (action, signal) => {
      try {
        done(await moveFile(action, { ...options, signal, files }));
      } catch (error) {
        if (!isOfOneFile(error)) throw error;
        failed.push({ action, error });
      }
    });
  if (failed.length === 0) for (const file of await deleteOthers(plan, options)) done(file);
  return { moved, failed };
}

const FILE_CODES: ReadonlySet<unknown> = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'EEXIST']);

/** The other files may go well all the same. */
function isOfOneFile(error: unknown): boolean {
  if (error instanceof FileChangedError || error instanceof DamagedObjectError || error instanceof OutsideError)
    return true;
  if (isStoreError(error)) return isStoreError(error, 'missing', 'precondition', 'permanent');
  return FILE_CODES.has((error as NodeJS.ErrnoException).code);
}

interface Moving extends MoveOptions {
  readonly files: SmallFiles | undefined;
}

async function moveFile(action: TreeAction, options: Moving): Promise<MovedFile> {
  let movedBytes = 0;
  const transfer = {
    signal: options.signal,
    files: options.files,
    ...(options.partSizeBytes === undefined ? {} : { partSizeBytes: options.partSizeBytes }),
    onProgress: (bytes: number) => {
      movedBytes += bytes;
      options.onBytes?.(bytes, 'moved');
    },
    onKnown: (bytes: number) => options.onBytes?.(bytes, 'known'),
  };
  const place = join(options.root, action.path);
  if (action.kind === 'upload') {
    await upload(action, options, transfer);
    return { action, movedBytes, verified: 'crc32' };
  }
  const object = options.remote.get(action.path);
  if (object === undefined) throw new Error(`${action.path} is not among the objects of the plan`);
  const { verified } = await downloadFile(options.store, { object, target: place, root: options.root, ...transfer });
  return { action, movedBytes, verified };
}

async function upload(
  action: TreeAction,
  { store, root, keyOf }: MoveOptions,
  transfer: Omit<PutFileRequest, 'key' | 'path'>,
): Promise<void> {
  const place = join(root, action.path);
  const put = (resumable: boolean) =>
    putFile(store, { key: keyOf(action.path), path: place, ...transfer, resumable, sha256: false });
  const { before, after } = await put(true).catch((error: unknown) => {
    // Somebody else ended the upload that this one went on with.
    if (isStoreError(error, 'missing')) return put(false);
    throw error;
  });
  if (!sameFile(before, after)) throw new FileChangedError(place, before, after);
}

async function deleteOthers(plan: readonly TreeAction[], options: MoveOptions): Promise<readonly MovedFile[]> {
  const { store, root, keyOf, signal } = options;
  const here = plan.filter(({ kind }) => kind === 'delete-local');
  for (const { path } of here) {
    signal.throwIfAborted();
    const folder = join(root, dirname(path));
    // Behind a link stands a file of another path, which the plan has not judged.
    if ((await realpath(folder).catch(() => null)) === folder) await rm(join(root, path), { force: true });
  }
  const there = plan.filter(({ kind }) => kind === 'delete-remote');
  for (let start = 0; start < there.length; start += DELETED_AT_ONCE)
    await store.delete(
      there.slice(start, start + DELETED_AT_ONCE).map(({ path }) => keyOf(path)),
      { signal },
    );
  return [...here, ...there].map((action) => ({ action, movedBytes: 0, verified: null }));
}
