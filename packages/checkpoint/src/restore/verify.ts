import { isRunctlError, messageOf, RunctlError } from '@runctl/core';
import { type LatestPointer, type Manifest, type ManifestFile } from '@runctl/protocol';
import { ContentHasher, isStoreError } from '@runctl/store';
import { type BucketAccess, readManifest, readPointer, surveyBucket } from '../publish/commit.ts';
import { refusalOf } from './refusal.ts';

export interface VerifyReport {
  readonly manifestKey: string;
  readonly manifest: Manifest;
  readonly verifiedBytes: number;
  /** What does not hold; empty = every byte is as it was saved. */
  readonly problems: readonly string[];
}

/**
 * Downloads and hashes every byte of a checkpoint; without `manifestKey` of the one that `latest.json` names. Rejects
 * with `checkpoint-not-found` when there is no such manifest.
 */
export async function verifyCheckpoint(
  access: BucketAccess & {
    readonly manifestKey?: string;
    /** Called with bytes as they are read. */
    readonly onRead?: (bytes: number) => void;
  },
): Promise<VerifyReport> {
  const manifestKey = access.manifestKey ?? (await readPointer(access))?.pointer.manifest;
  const manifest = manifestKey === undefined ? null : await readManifest(access, manifestKey);
  if (manifestKey === undefined || manifest === null)
    throw new RunctlError('checkpoint-not-found', `${manifestKey ?? `latest.json of ${access.run}`} is missing`);
  const refusal = refusalOf(manifest, access.run);
  const problems = refusal === null ? [] : [refusal];
  let verifiedBytes = 0;
  for (const file of refusal === null ? manifest.files : []) {
    const problem = await problemOf(file, access);
    if (problem === null) verifiedBytes += file.sizeBytes;
    else problems.push(problem);
  }
  return { manifestKey, manifest, verifiedBytes, problems };
}

async function problemOf(
  file: ManifestFile,
  { store, signal, onRead }: Pick<Parameters<typeof verifyCheckpoint>[0], 'store' | 'signal' | 'onRead'>,
): Promise<string | null> {
  const hasher = new ContentHasher(file.partSizeBytes);
  let sizeBytes = 0;
  try {
    const { body } = await store.get(file.key, { signal });
    for await (const chunk of body) {
      hasher.update(chunk);
      sizeBytes += chunk.byteLength;
      onRead?.(chunk.byteLength);
    }
  } catch (error) {
    if (isStoreError(error, 'missing')) return `${file.path}: ${file.key} is missing`;
    throw error;
  }
  if (sizeBytes !== file.sizeBytes) return `${file.path}: ${sizeBytes} bytes instead of ${file.sizeBytes}`;
  return hasher.digest().sha256 === file.sha256 ? null : `${file.path}: other content than was saved (sha256)`;
}

export interface ListedCheckpoint {
  readonly manifestKey: string;
  readonly manifest: Manifest;
  /** `latest.json` names it, or did before one that follows it. The others were never committed. */
  readonly committed: boolean;
  readonly latest: boolean;
}

export interface CheckpointList {
  readonly pointer: LatestPointer | null;
  readonly checkpoints: readonly ListedCheckpoint[];
  /** Manifests that can't be read: damaged, or of a newer format. */
  readonly unreadable: readonly { readonly manifestKey: string; readonly problem: string }[];
}

/** Every manifest of a run, oldest first. */
export async function listCheckpoints(access: BucketAccess): Promise<CheckpointList> {
  const pointer = (await readPointer(access))?.pointer ?? null;
  const { manifests } = await surveyBucket(access);
  const documents = new Map<string, Manifest>();
  const unreadable: { manifestKey: string; problem: string }[] = [];
  for (const { key } of manifests) {
    try {
      const manifest = await readManifest(access, key);
      if (manifest !== null) documents.set(key, manifest);
    } catch (error) {
      if (!isRunctlError(error)) throw error;
      unreadable.push({ manifestKey: key, problem: messageOf(error) });
    }
  }
  const committed = new Set<string>();
  for (
    let key = pointer?.manifest ?? null;
    key !== null && !committed.has(key);
    key = documents.get(key)?.previous ?? null
  )
    committed.add(key);
  const checkpoints = Array.from(documents, ([manifestKey, manifest]) => ({
    manifestKey,
    manifest,
    committed: committed.has(manifestKey),
    latest: manifestKey === pointer?.manifest,
  }));
  return { pointer, checkpoints, unreadable };
}
