import { isRunctlError, messageOf, RunctlError } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { ContentHasher, isStoreError } from '@runctl/store';
import { type BucketAccess, readManifest, readPointer, surveyBucket } from '../ledger/commit.ts';
import { manifestChain, previousOf } from '../ledger/manifest-chain.ts';
import { refusalOf } from '../restore/refusal.ts';

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
  /** `latest.json` names it, or did before one that follows it; null when what would tell that is damaged or lost. */
  readonly committed: boolean | null;
}

export interface CheckpointList {
  /** What `latest.json` names, readable or not; null when that is lost, or nothing was ever committed. */
  readonly latestKey: string | null;
  /** For people: what is lost of that by which committed ones are known. */
  readonly warnings: readonly string[];
  readonly checkpoints: readonly ListedCheckpoint[];
  /** Manifests that can't be read: damaged, or of a newer format. */
  readonly unreadable: readonly { readonly manifestKey: string; readonly problem: string }[];
}

/** Every manifest of a run, oldest first. Rejects with `newer-format` when `latest.json` is. */
export async function listCheckpoints(access: BucketAccess): Promise<CheckpointList> {
  const { latestKey, warnings } = await manifestChain(access);
  const { manifests } = await surveyBucket(access);
  const listed = new Map<string, Manifest | null>();
  const unreadable: { manifestKey: string; problem: string }[] = [];
  for (const { key } of manifests) {
    try {
      const manifest = await readManifest(access, key);
      if (manifest !== null) listed.set(key, manifest);
    } catch (error) {
      if (!isRunctlError(error)) throw error;
      listed.set(key, null);
      unreadable.push({ manifestKey: key, problem: messageOf(error) });
    }
  }
  const isCommitted = committedBy(access.run, latestKey, listed);
  const checkpoints = Array.from(listed).flatMap(([manifestKey, manifest]) =>
    manifest === null ? [] : [{ manifestKey, manifest, committed: isCommitted(manifestKey) }],
  );
  return { latestKey, warnings, checkpoints, unreadable };
}

/**
 * Follows the chain back from the latest. Where a manifest was deleted it goes on with the next older one, which was
 * committed (see `lineOf` of the retention); what comes before one that can't be read may have been or not.
 */
function committedBy(
  run: string,
  latestKey: string | null,
  listed: ReadonlyMap<string, Manifest | null>,
): (key: string) => boolean | null {
  const keys = Array.from(listed.keys());
  const line = new Set<string>();
  let at = latestKey === null ? keys.length : keys.indexOf(latestKey);
  let manifest = listed.get(latestKey ?? '') ?? null;
  while (manifest !== null) {
    line.add(keys[at] ?? '');
    const previous = previousOf(run, manifest);
    if (previous === null && manifest.previous === null) return (key) => line.has(key);
    if (previous === null) break;
    at = keys.findLastIndex((key) => key <= previous);
    if (at < 0) return (key) => line.has(key);
    manifest = listed.get(keys[at] ?? '') ?? null;
  }
  const unknown = new Set(at < 0 ? keys : keys.slice(0, at));
  return (key) => line.has(key) || (unknown.has(key) ? null : false);
}
