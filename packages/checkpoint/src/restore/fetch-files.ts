import { createReadStream } from 'node:fs';
import { chmod, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, retry, type RetryPolicy } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { ContentHasher, getToFile, isStoreError } from '@runctl/store';
import { mapConcurrently } from '../concurrency.ts';
import { fileSeen, fingerprintOf, scanFolder, unlessGone } from '../recognise/scan.ts';
import type { RestoreOptions } from './restore-port.ts';

/** A file of a manifest is missing in the bucket or does not hold what the manifest says. */
export class DamagedFile extends Error {}

export interface FetchedFiles {
  /** Fingerprints of local files that are as the manifest wants them, by path. */
  readonly kept: ReadonlyMap<string, string>;
}

const FILES_AT_ONCE = 4;

/**
 * Brings every file of a manifest into `staging`, verified by size and sha256, unless the checkpoint folder has it
 * already. What an earlier try has left in `staging` is used. Rejects with DamagedFile when the bucket can't deliver.
 */
export async function fetchFiles(manifest: Manifest, staging: string, options: RestoreOptions): Promise<FetchedFiles> {
  await dropOthers(staging, manifest);
  const kept = new Map<string, string>();
  const totalBytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBytes = 0;
  const advance = (bytes: number): void => {
    doneBytes += bytes;
    options.onProgress?.({ doneBytes, totalBytes, step: manifest.step });
  };
  await mapConcurrently(manifest.files, options.concurrency ?? FILES_AT_ONCE, async (file) => {
    options.signal.throwIfAborted();
    const local = options.allowLocal === false ? null : await matchingFingerprint(options.folder, file, options.signal);
    if (local !== null) kept.set(file.path, local);
    if (local !== null || (await matchingFingerprint(staging, file, options.signal)) !== null)
      return advance(file.sizeBytes);
    await download(file, join(staging, file.path), { ...options, advance });
  });
  return { kept };
}

async function dropOthers(staging: string, manifest: Manifest): Promise<void> {
  const wanted = new Set(manifest.files.map((file) => file.path));
  for (const file of (await scanFolder(staging)).files)
    if (!wanted.has(file.path)) await rm(join(staging, file.path), { force: true });
}

/** Fingerprint of the file at its place below `folder` if its content is what the manifest wants, else null. */
export async function matchingFingerprint(
  folder: string,
  file: ManifestFile,
  signal: AbortSignal,
): Promise<string | null> {
  const root = await unlessGone(realpath(folder));
  if (root === null) return null;
  const path = join(root, file.path);
  if ((await unlessGone(realpath(path))) !== path) return null;
  const before = await fingerprintAt(root, file.path);
  if (before?.sizeBytes !== file.sizeBytes) return null;
  const hasher = new ContentHasher(file.partSizeBytes);
  for await (const chunk of createReadStream(path, { signal })) hasher.update(chunk as Buffer);
  const after = await fingerprintAt(root, file.path);
  const same = hasher.digest().sha256 === file.sha256 && after?.fingerprint === before.fingerprint;
  return same ? before.fingerprint : null;
}

export async function fingerprintAt(
  folder: string,
  path: string,
): Promise<{ readonly fingerprint: string; readonly sizeBytes: number } | null> {
  const found = await unlessGone(stat(join(folder, path), { bigint: true }));
  if (found === null || !found.isFile()) return null;
  const seen = fileSeen(path, found);
  return { fingerprint: fingerprintOf(seen), sizeBytes: seen.sizeBytes };
}

const DOWNLOAD_RETRY: RetryPolicy = { attempts: 4, baseMs: 200, maxMs: 5000 };

interface Download extends RestoreOptions {
  readonly advance: (bytes: number) => void;
}

/** A connection may break in the middle of a body, which no retry of single calls covers: then the file is begun again. */
async function download(file: ManifestFile, target: string, options: Download): Promise<void> {
  const { clock, signal, advance } = options;
  await mkdir(dirname(target), { recursive: true });
  let countedBytes = 0;
  const fetched = await retry(
    async () => {
      advance(-countedBytes);
      countedBytes = 0;
      await rm(target, { force: true, recursive: true });
      const onProgress = (bytes: number): void => advance(((countedBytes += bytes), bytes));
      const { partSizeBytes } = file;
      return getToFile(options.store, file.key, target, { signal, onProgress, partSizeBytes });
    },
    { policy: DOWNLOAD_RETRY, clock, signal, retryable: (error) => isStoreError(error, 'transient') },
  ).catch((error: unknown) => {
    if (isStoreError(error, 'missing')) throw new DamagedFile(`${file.key} is missing`);
    throw unholdable(error) ? new DamagedFile(`this machine can't hold ${file.path}: ${messageOf(error)}`) : error;
  });
  if (fetched.info.sizeBytes === file.sizeBytes && fetched.sha256 === file.sha256) return chmod(target, file.mode);
  await rm(target, { force: true });
  throw new DamagedFile(
    fetched.info.sizeBytes === file.sizeBytes
      ? `${file.key} does not hold the content that was saved (sha256)`
      : `${file.key} should have ${file.sizeBytes} bytes and has ${fetched.info.sizeBytes}`,
  );
}

/** The file system of this machine takes no such name, whereas that of the machine that saved it did. */
function unholdable(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENAMETOOLONG' || code === 'EILSEQ' || code === 'EINVAL';
}
