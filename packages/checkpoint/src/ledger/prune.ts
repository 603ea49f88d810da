import { inParallel, isRunctlError } from '@runctl/core';
import {
  type CheckpointOrder,
  compareOrder,
  type LatestPointer,
  parseDataKey,
  parseShardKey,
  type RetentionPolicy,
  runKeys,
} from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readingMarks } from './reading-marks.ts';
import {
  assertMayPublish,
  type BucketAccess,
  type BucketSurvey,
  type Publishing,
  type StoredPointer,
  readManifest,
  readPointer,
  surveyBucket,
} from './commit.ts';
import { type ManifestFacts, retained, type RetainedManifest, type RetentionDecision } from './retained.ts';

const SUPERSEDED_GRACE_MS = 3_600_000;
const DELETED_AT_ONCE = 1000;
const READ_AT_ONCE = 8;

export interface PruneReport {
  readonly manifests: readonly string[];
  /** Data folders without a manifest: left by a crash or by an upload that was given up. */
  readonly orphans: readonly string[];
}

/** Facts of manifests that were read once: a manifest never changes. */
export type KnownManifests = Map<string, ManifestFacts>;

export interface PruneOptions {
  readonly policy: RetentionPolicy;
  readonly known: KnownManifests;
  /** Keys of manifests that a restore found damaged. */
  readonly damaged: readonly string[];
  /** Asked right before a manifest is deleted: a checkpoint that is being committed may name it. */
  readonly mayDelete?: (manifestKey: string) => boolean;
}

/**
 * Deletes what no rule of the policy wants, oldest first and each manifest before its data, so that no manifest is ever
 * without data. Also deletes data folders older than the latest checkpoint that never got a manifest, once they are an
 * hour old. Only for the holder.
 */
export async function prune(publishing: Publishing, options: PruneOptions): Promise<PruneReport> {
  const judged = await judgeRetention(publishing, options);
  if (judged === null) return { manifests: [], orphans: [] };
  const { latest, survey, stale, decisions } = judged;
  const doomed = decisions.filter((decision) => !decision.keep).map(({ manifest }) => manifest);
  const deleted: string[] = [];
  for (const manifest of doomed) {
    assertMayPublish(publishing);
    if (options.mayDelete?.(manifest.key) === false) continue;
    deleted.push(manifest.key);
    await publishing.store.delete([manifest.key], { signal: publishing.signal });
    options.known.delete(manifest.key);
    for (const { folder } of survey.dataFolders.filter((data) => compareOrder(data, manifest) === 0))
      await deleteFolder(publishing.store, folder, publishing.signal);
  }
  if (stale.length > 0) await publishing.store.delete(stale, { signal: publishing.signal });
  await deleteRounds(publishing, (round) => compareOrder(round, latest.pointer) <= 0);
  const orphans = await deleteOrphans(publishing, survey, { pointer: latest.pointer, nowMs: latest.serverTimeMs });
  return { manifests: deleted, orphans };
}

export interface JudgedRetention {
  readonly latest: StoredPointer;
  readonly survey: BucketSurvey;
  readonly decisions: readonly RetentionDecision[];
  /** Keys of reading marks that count no more. */
  readonly stale: readonly string[];
}

/** What `prune` would keep and delete, without touching anything; null when nothing was ever committed. */
export async function judgeRetention(
  access: BucketAccess & { readonly generation: number },
  options: PruneOptions,
): Promise<JudgedRetention | null> {
  const latest = await readPointer(access);
  if (latest === null) return null;
  const survey = await surveyBucket(access);
  const { reading, stale } = await readingMarks(access, latest.serverTimeMs);
  const decisions = retained(await withFacts(survey, access, options.known), options.policy, {
    latest: latest.pointer.manifest,
    generation: access.generation,
    nowMs: latest.serverTimeMs,
    graceMs: SUPERSEDED_GRACE_MS,
    reading,
    damaged: new Set(options.damaged),
  });
  return { latest, survey, decisions, stale };
}

async function withFacts(
  { manifests }: BucketSurvey,
  access: BucketAccess,
  known: KnownManifests,
): Promise<readonly RetainedManifest[]> {
  return inParallel(manifests, { concurrency: READ_AT_ONCE }, async (stored) => {
    const facts = known.get(stored.key) ?? (await factsOf(access, stored.key));
    if (facts !== null) known.set(stored.key, facts);
    return { ...stored, facts };
  });
}

/** Null for one that is gone or is not what its key promises. */
async function factsOf(access: BucketAccess, key: string): Promise<ManifestFacts | null> {
  try {
    const manifest = await readManifest(access, key);
    if (manifest === null) return null;
    const { companions = [], metrics = {}, previous, savedAt, step } = manifest;
    return { previous, step, metrics, savedAt, companions };
  } catch (error) {
    if (isRunctlError(error, 'internal')) return null;
    throw error;
  }
}

async function deleteOrphans(
  publishing: Publishing,
  { manifests, dataFolders }: BucketSurvey,
  { pointer, nowMs }: { readonly pointer: LatestPointer; readonly nowMs: number },
): Promise<readonly string[]> {
  const isOrphan = (data: CheckpointOrder): boolean =>
    compareOrder(data, pointer) < 0 && !manifests.some((manifest) => compareOrder(manifest, data) === 0);
  const orphans: string[] = [];
  for (const { folder } of dataFolders.filter(isOrphan)) {
    assertMayPublish(publishing);
    const newestMs = await newestIn(publishing, folder);
    if (newestMs === null || nowMs - newestMs <= SUPERSEDED_GRACE_MS) continue;
    await deleteFolder(publishing.store, folder, publishing.signal);
    orphans.push(folder);
  }
  return orphans;
}

/** Rounds are of use until their checkpoint, or one after it, is the latest. */
async function deleteRounds(publishing: Publishing, isOver: (round: CheckpointOrder) => boolean): Promise<void> {
  const { store, run, signal } = publishing;
  const over: string[] = [];
  for await (const { key } of store.list({ prefix: runKeys(run).shardsFolder, signal })) {
    const round = parseShardKey(key);
    if (round !== null && isOver(round)) over.push(key);
  }
  for (let start = 0; start < over.length; start += DELETED_AT_ONCE) {
    assertMayPublish(publishing);
    await store.delete(over.slice(start, start + DELETED_AT_ONCE), { signal });
  }
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
  await deleteRounds(publishing, isOlder);
  return { orphans, abortedUploads };
}
