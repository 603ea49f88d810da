import { createReadStream } from 'node:fs';
import { realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '@runctl/core';
import type { ManifestFile } from '@runctl/protocol';
import { ContentHasher } from '@runctl/store';
import { fileSeen, fingerprintOf, scanFolder, unlessGone } from '../look/scan.ts';
import { fetchFile } from './fetch-file.ts';
import type { RestoreOptions } from '../contract/restore-port.ts';

export interface FilesToFetch {
  readonly files: readonly ManifestFile[];
  /** All that is wanted in `staging`, these files included; what else stands there is deleted. */
  readonly wanted: ReadonlySet<string>;
  /** Tells of bytes that are there. */
  readonly advance: (bytes: number) => void;
}

export interface FetchedFiles {
  /** Fingerprints of local files that are as the manifest wants them, by path. */
  readonly kept: ReadonlyMap<string, string>;
}

const FILES_AT_ONCE = 4;

/**
 * Brings files of a manifest into `staging`, each part held against its hash, unless the checkpoint folder has it
 * already. What an earlier try has left in `staging` is used. Rejects with DamagedFile when the bucket can't deliver.
 */
export async function fetchFiles(
  { files, wanted, advance }: FilesToFetch,
  staging: string,
  options: RestoreOptions,
): Promise<FetchedFiles> {
  await dropOthers(staging, wanted);
  const kept = new Map<string, string>();
  await inParallel(files, { concurrency: options.concurrency ?? FILES_AT_ONCE }, async (file) => {
    options.signal.throwIfAborted();
    const local = options.allowLocal === false ? null : await matchingFingerprint(options.folder, file, options.signal);
    if (local !== null) kept.set(file.path, local);
    if (local !== null) return advance(file.sizeBytes);
    await fetchFile(file, join(staging, file.path), { ...options, advance });
  });
  return { kept };
}

async function dropOthers(staging: string, wanted: ReadonlySet<string>): Promise<void> {
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
