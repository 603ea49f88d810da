import { type CheckpointOrder, compareOrder, parseDataKey, runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import {
  assertMayPublish,
  type BucketAccess,
  type Publishing,
  readManifest,
  readPointer,
  surveyBucket,
} from './commit.ts';
import { planPrune } from './plan.ts';

const SUPERSEDED_GRACE_MS = 3_600_000;
const DELETED_AT_ONCE = 1000;

export interface PruneReport {
  readonly manifests: readonly string[];
  /** Data folders without a manifest: left by a crash or by an upload that was given up. */
  readonly orphans: readonly string[];
}

/**
 * Deletes what the plan names, each manifest before its data, so that no manifest is ever without data. Also deletes data
 * folders older than the latest checkpoint that never got a manifest, once they are an hour old. Only for the holder.
 */
export async function prune(publishing: Publishing, keep: number): Promise<PruneReport> {
  const latest = await readPointer(publishing);
  if (latest === null) return { manifests: [], orphans: [] };
  const { manifests, dataFolders } = await surveyBucket(publishing);
  const chain = await chainOf(publishing, latest.pointer.manifest, keep);
  const policy = { keep, graceMs: SUPERSEDED_GRACE_MS, nowMs: latest.serverTimeMs };
  const doomed = planPrune(manifests, chain, policy);
  for (const manifest of doomed) {
    assertMayPublish(publishing);
    await publishing.store.delete([manifest.key], { signal: publishing.signal });
    for (const { folder } of dataFolders.filter((data) => compareOrder(data, manifest) === 0))
      await deleteFolder(publishing.store, folder, publishing.signal);
  }
  const isOrphan = (data: CheckpointOrder): boolean =>
    compareOrder(data, latest.pointer) < 0 && !manifests.some((manifest) => compareOrder(manifest, data) === 0);
  const orphans: string[] = [];
  for (const { folder } of dataFolders.filter(isOrphan)) {
    assertMayPublish(publishing);
    const newestMs = await newestIn(publishing, folder);
    if (newestMs === null || policy.nowMs - newestMs <= SUPERSEDED_GRACE_MS) continue;
    await deleteFolder(publishing.store, folder, publishing.signal);
    orphans.push(folder);
  }
  return { manifests: doomed.map((manifest) => manifest.key), orphans };
}

/** Keys of the latest manifest and up to `keep` predecessors, as far as they can be read. */
async function chainOf(access: BucketAccess, latestKey: string, keep: number): Promise<readonly string[]> {
  const chain: string[] = [];
  for (let key: string | null = latestKey; key !== null && chain.length <= keep;) {
    chain.push(key);
    if (chain.length > keep) break;
    key = (await readManifest(access, key))?.previous ?? null;
  }
  return chain;
}

async function newestIn({ store, signal }: BucketAccess, folder: string): Promise<number | null> {
  let newestMs: number | null = null;
  for await (const { lastModifiedMs } of store.list({ prefix: folder, signal }))
    newestMs = Math.max(newestMs ?? 0, lastModifiedMs);
  return newestMs;
}

async function deleteFolder(store: ObjectStore, folder: string, signal: AbortSignal): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix: folder, signal })) keys.push(key);
  for (let start = 0; start < keys.length; start += DELETED_AT_ONCE)
    await store.delete(keys.slice(start, start + DELETED_AT_ONCE), { signal });
}

export interface CleanUpReport {
  readonly orphans: readonly string[];
  readonly abortedUploads: readonly string[];
}

/**
 * What a new holder does once: removes the data folders of older generations that never got a manifest, and aborts their
 * unfinished uploads, which are billed until then. An old holder that still uploads loses nothing that could have counted.
 */
export async function cleanUpOlderGenerations(publishing: Publishing): Promise<CleanUpReport> {
  const { store, signal, generation } = publishing;
  const { dataRoot } = runKeys(publishing.run);
  const isOlder = (order: CheckpointOrder | null): boolean => order !== null && order.generation < generation;
  const { manifests, dataFolders } = await surveyBucket(publishing);
  const orphans: string[] = [];
  for (const data of dataFolders) {
    if (!isOlder(data) || manifests.some((manifest) => compareOrder(manifest, data) === 0)) continue;
    assertMayPublish(publishing);
    await deleteFolder(store, data.folder, signal);
    orphans.push(data.folder);
  }
  const abortedUploads: string[] = [];
  for await (const upload of store.listMultipart({ prefix: dataRoot, signal })) {
    if (!isOlder(parseDataKey(upload.key))) continue;
    assertMayPublish(publishing);
    await store.abortMultipart(upload, { signal });
    abortedUploads.push(upload.key);
  }
  return { orphans, abortedUploads };
}
