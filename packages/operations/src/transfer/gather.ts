import { command, inParallel, messageOf, RunctlError } from '@runctl/core';
import {
  filesAt,
  listRemoteTree,
  type LocalFile,
  type ObjectStore,
  type PathFilter,
  type Refused,
  type RemoteFile,
  rulesOf,
  scanLocalTree,
} from '@runctl/store';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type BucketPlace, type FolderPlace, folderPrefix } from './place.ts';

/** Both sides of a transfer, as far as they matter to it. */
export interface GatheredTrees {
  /** Real path of the folder on this side. */
  readonly root: string;
  readonly local: readonly LocalFile[];
  readonly remote: readonly RemoteFile[];
  readonly refused: readonly Refused[];
  readonly skipped: readonly Refused[];
  readonly keyOf: (path: string) => string;
}

export interface GatherOptions {
  readonly store: ObjectStore;
  readonly here: FolderPlace;
  readonly there: BucketPlace;
  readonly filter: PathFilter;
  readonly signal: AbortSignal;
  /** Nothing is to be made here, not even the folder. */
  readonly dryRun: boolean;
}

/** Above it one listing is cheaper than a question for each file. */
const ASKED_ONE_BY_ONE = 32;
const QUESTIONS_AT_ONCE = 16;

/** A file or folder to send, and what of it the bucket has. Errors: `file-unreadable`, StoreError. */
export async function gatherUpload(options: GatherOptions): Promise<GatheredTrees> {
  const { store, here, there, filter, signal } = options;
  const found = await statOf(here);
  if (found === null) throw missing(here);
  if (found.isFile()) return gatherOneUpload(options, found);
  if (!found.isDirectory()) throw unreadable(here, 'it is neither a file nor a folder');
  const prefix = folderPrefix(there);
  const tree = await scan(here, { filter, prefix, signal });
  const keyOf = (path: string): string => prefix + path;
  const { root, refused, skipped, files } = tree;
  const remote =
    files.length <= ASKED_ONE_BY_ONE
      ? await askedOneByOne(
          store,
          files.map(({ path }) => ({ path, key: keyOf(path) })),
        )
      : (await listRemoteTree(store, prefix, { filter, signal })).files;
  return { root, local: files, remote: onBothSides(remote, files), refused, skipped, keyOf };
}

async function gatherOneUpload(
  { store, here, there }: GatherOptions,
  found: { readonly size: number; readonly mtimeMs: number },
): Promise<GatheredTrees> {
  const path = basename(here.path);
  const key = there.key === '' || there.key.endsWith('/') ? there.key + path : there.key;
  return {
    root: await realpath(dirname(here.path)),
    local: [{ path, sizeBytes: found.size, modifiedMs: found.mtimeMs }],
    remote: await askedOneByOne(store, [{ path, key }]),
    refused: [],
    skipped: [],
    keyOf: () => key,
  };
}

/** An object or a folder of objects to fetch, and what of it is here. Errors: `object-not-found`, `file-unreadable`, StoreError. */
export async function gatherDownload(options: GatherOptions & { readonly recursive: boolean }): Promise<GatheredTrees> {
  const { store, there, filter, signal, recursive } = options;
  const isFolder = recursive || there.key === '' || there.key.endsWith('/');
  const object = isFolder ? null : await store.head(there.key, { signal });
  if (object !== null) return gatherOneDownload(options, object);
  const prefix = folderPrefix(there);
  const root = await destination(options.here, options.dryRun);
  const rules = options.dryRun ? undefined : await rulesOf(root);
  const tree = await listRemoteTree(store, prefix, { filter, signal, ...(rules === undefined ? {} : { rules }) });
  if (tree.files.length === 0 && tree.refused.length === 0 && !(await anythingAt(store, prefix)))
    throw new RunctlError('object-not-found', `there is nothing at ${there.text} in ${store.location}`, {
      hint: [command('s3 list'), ' shows what is there'],
    });
  const local = await whatIsHere(root, tree.files);
  return { root, local, remote: tree.files, refused: tree.refused, skipped: [], keyOf: (path) => prefix + path };
}

async function gatherOneDownload(
  { here, dryRun }: GatherOptions,
  object: Omit<RemoteFile, 'path'>,
): Promise<GatheredTrees> {
  const intoFolder = here.text.endsWith('/') || (await statOf(here))?.isDirectory() === true;
  const target = intoFolder ? join(here.path, basename(object.key)) : here.path;
  const root = await destination({ kind: 'folder', path: dirname(target), text: dirname(target) }, dryRun);
  const remote = [{ ...object, path: basename(target) }];
  return { root, local: await whatIsHere(root, remote), remote, refused: [], skipped: [], keyOf: () => object.key };
}

/** A whole folder on both sides. Errors: `file-unreadable`, StoreError. */
export async function gatherSync(
  options: GatherOptions & { readonly direction: 'up' | 'down' | 'both' },
): Promise<GatheredTrees> {
  const { store, here, there, filter, signal, direction, dryRun } = options;
  if (direction === 'up' && (await statOf(here)) === null) throw missing(here);
  await destination(here, dryRun || direction === 'up');
  const prefix = folderPrefix(there);
  const isThere = (await statOf(here)) !== null;
  const tree = isThere ? await scan(here, { filter, prefix, signal }) : null;
  const rules = tree === null || direction === 'up' || dryRun ? undefined : await rulesOf(tree.root);
  const remote = await listRemoteTree(store, prefix, { filter, signal, ...(rules === undefined ? {} : { rules }) });
  return {
    root: tree?.root ?? here.path,
    local: tree?.files ?? [],
    remote: remote.files,
    refused: [...(tree?.refused ?? []), ...(direction === 'up' ? [] : remote.refused)],
    skipped: tree?.skipped ?? [],
    keyOf: (path) => prefix + path,
  };
}

async function askedOneByOne(
  store: ObjectStore,
  wanted: ReadonlyArray<{ readonly path: string; readonly key: string }>,
): Promise<RemoteFile[]> {
  const found = await inParallel(wanted, { concurrency: QUESTIONS_AT_ONCE }, async ({ path, key }) => {
    const info = await store.head(key);
    return info === null ? null : { ...info, path };
  });
  return found.filter((file) => file !== null);
}

function onBothSides(remote: readonly RemoteFile[], local: readonly LocalFile[]): readonly RemoteFile[] {
  const here = new Set(local.map((file) => file.path));
  return remote.filter((file) => here.has(file.path));
}

function whatIsHere(root: string, remote: readonly RemoteFile[]): Promise<LocalFile[]> {
  return filesAt(
    root,
    remote.map(({ path }) => path),
  );
}

async function anythingAt(store: ObjectStore, prefix: string): Promise<boolean> {
  for await (const _object of store.list({ prefix, limit: 1 })) return true;
  return false;
}

async function scan(here: FolderPlace, options: Parameters<typeof scanLocalTree>[1]) {
  try {
    return await scanLocalTree(here.path, options);
  } catch (error) {
    if (isFileError(error)) throw unreadable(here, messageOf(error));
    throw error;
  }
}

async function destination(here: FolderPlace, dryRun: boolean): Promise<string> {
  try {
    if (!dryRun) await mkdir(here.path, { recursive: true });
    return await realpath(here.path).catch(() => here.path);
  } catch (error) {
    throw unreadable(here, `it can't be made a folder (${messageOf(error)})`);
  }
}

async function statOf(here: FolderPlace) {
  return stat(here.path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unreadable(here, messageOf(error));
  });
}

function isFileError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.code === 'string' && 'syscall' in (error as object);
}

function missing(here: FolderPlace): RunctlError {
  return new RunctlError('file-unreadable', `there is no ${here.text}`, { hint: 'check the path' });
}

function unreadable(here: FolderPlace, why: string): RunctlError {
  return new RunctlError('file-unreadable', `${here.text}: ${why}`);
}
