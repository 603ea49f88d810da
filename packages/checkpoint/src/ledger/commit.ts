import { type Clock, newNonce, type RetryPolicy, backoffMs, isRunctlError, RunctlError } from '@runctl/core';
import {
  type CheckpointOrder,
  compareOrder,
  decodeDocument,
  encodeDocument,
  type LatestPointer,
  latestPointer,
  type Manifest,
  manifest as manifestSchema,
  parseDataKey,
  parseManifestKey,
  runKeys,
  timestampOf,
  FORMAT_VERSION,
} from '@runctl/protocol';
import { collect, isStoreError, type ObjectStore } from '@runctl/store';

export interface StoredPointer {
  readonly pointer: LatestPointer;
  readonly etag: string;
  /** The store's clock when it answered. */
  readonly serverTimeMs: number;
}

/** `latest.json` is there and is not what it should be. */
export interface DamagedPointer {
  readonly problem: RunctlError;
  readonly etag: string;
}

export interface BucketAccess {
  readonly store: ObjectStore;
  readonly run: string;
  readonly signal: AbortSignal;
}

/** A document and its etag, or null when it is not there. Rejects with `internal` or `newer-format` when it can't be read. */
export async function readPointer(access: BucketAccess): Promise<StoredPointer | null> {
  const found = await inspectPointer(access);
  if (found !== null && 'problem' in found) throw found.problem;
  return found;
}

/** As `readPointer`, but answers a damaged pointer with the etag that it takes to replace it. */
export async function inspectPointer({
  store,
  run,
  signal,
}: BucketAccess): Promise<StoredPointer | DamagedPointer | null> {
  const key = runKeys(run).latest;
  const read = await readObject(store, key, signal);
  if (read === null) return null;
  try {
    const pointer = decodeDocument(latestPointer, read.bytes, key);
    if (pointer.manifest !== runKeys(run).manifest(pointer))
      throw new RunctlError(
        'internal',
        `${key} names ${pointer.manifest}, which is none of its numbers or of this run`,
      );
    return { pointer, etag: read.etag, serverTimeMs: read.serverTimeMs };
  } catch (error) {
    if (!isRunctlError(error, 'internal')) throw error;
    return { problem: error, etag: read.etag };
  }
}

/** Null when it is missing. Rejects with `internal` when it is damaged or another's, with `newer-format` when it is newer. */
export async function readManifest({ store, signal }: BucketAccess, key: string): Promise<Manifest | null> {
  const read = await readObject(store, key, signal);
  if (read === null) return null;
  const found = decodeDocument(manifestSchema, read.bytes, key);
  const order = parseManifestKey(key);
  if (order === null || compareOrder(order, found) === 0) return found;
  throw new RunctlError('internal', `${key} holds the manifest ${found.generation}-${found.seq}`);
}

async function readObject(store: ObjectStore, key: string, signal: AbortSignal) {
  try {
    const { info, body, serverTimeMs } = await store.get(key, { signal });
    return { bytes: await collect(body), etag: info.etag, serverTimeMs };
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}

/** Publishing has to stop: this machine is not the holder now, or a higher generation has taken over for good. */
export class PublishingRefused extends Error {
  readonly reason: 'not-holder' | 'fenced';

  constructor(reason: 'not-holder' | 'fenced') {
    super(reason === 'fenced' ? 'a newer generation has taken over' : 'this machine does not hold the lease now');
    this.reason = reason;
  }
}

export interface Publishing extends BucketAccess {
  readonly clock: Clock;
  readonly generation: number;
  readonly mayPublish: () => { readonly generation: number } | null;
}

/** Rejects with PublishingRefused unless this machine still holds the generation that it publishes in. */
export function assertMayPublish({ mayPublish, generation, signal }: Publishing): void {
  signal.throwIfAborted();
  if (mayPublish()?.generation !== generation) throw new PublishingRefused('not-holder');
}

/** Writes a manifest nobody has written yet. False when another one bears its number: take the next. */
export async function writeManifest(publishing: Publishing, manifest: Manifest): Promise<boolean> {
  const key = runKeys(publishing.run).manifest(manifest);
  const body = encodeDocument(manifestSchema, manifest);
  return tryConditionally(publishing, {
    put: () => publishing.store.put(key, body, { when: { absent: true }, once: true, signal: publishing.signal }),
    isOurs: async () => (await readManifest(publishing, key))?.nonce === manifest.nonce,
  });
}

/**
 * Makes `latest.json` name a manifest, if it still is as it was read, damaged or not. The check of the lease comes right before each
 * write. Rejects with PublishingRefused when a higher generation has moved it, with `internal` when anything else has.
 */
export async function movePointer(
  publishing: Publishing,
  manifest: Manifest,
  before: StoredPointer | DamagedPointer | null,
): Promise<LatestPointer> {
  const { run, store, signal } = publishing;
  const pointer = pointerTo(manifest, before !== null && 'pointer' in before ? before.pointer : null, publishing);
  const body = encodeDocument(latestPointer, pointer);
  const when = before === null ? ({ absent: true } as const) : { etag: before.etag };
  const moved = await tryConditionally(publishing, {
    put: () => store.put(runKeys(run).latest, body, { when, once: true, signal }),
    isOurs: async () => {
      const found = await inspectPointer(publishing);
      return found !== null && 'pointer' in found && found.pointer.nonce === pointer.nonce;
    },
  });
  if (moved) return pointer;
  const now = await readPointer(publishing);
  if (now !== null && now.pointer.generation > publishing.generation) throw new PublishingRefused('fenced');
  throw new RunctlError('internal', `latest.json of ${run} was changed by somebody else in the same generation`);
}

function pointerTo(manifest: Manifest, before: LatestPointer | null, { run, clock }: Publishing): LatestPointer {
  const stepBefore = before?.step ?? null;
  const fell = stepBefore !== null && manifest.step !== null && manifest.step < stepBefore;
  return {
    version: FORMAT_VERSION,
    manifest: runKeys(run).manifest(manifest),
    generation: manifest.generation,
    seq: manifest.seq,
    step: manifest.step,
    at: timestampOf(clock.wallMs()),
    nonce: newNonce(),
    fellBackFromStep: fell ? stepBefore : null,
  };
}

const WRITE_RETRY: RetryPolicy = { attempts: 6, baseMs: 100, maxMs: 2000 };

interface ConditionalWrite {
  readonly put: () => Promise<unknown>;
  /** Whether what is stored now was written by this very call: the answer to a write that succeeded may be lost. */
  readonly isOurs: () => Promise<boolean>;
}

/** True when the write is in place, false when the condition does not hold. Conflicts and lost answers are tried again. */
async function tryConditionally(publishing: Publishing, write: ConditionalWrite): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    assertMayPublish(publishing);
    try {
      await write.put();
      return true;
    } catch (error) {
      if (!isStoreError(error, 'precondition', 'conflict', 'transient', 'missing')) throw error;
      if (await write.isOurs()) return true;
      if (isStoreError(error, 'precondition', 'missing')) return false;
      if (attempt >= WRITE_RETRY.attempts) throw error;
      await publishing.clock.sleep(backoffMs(WRITE_RETRY, attempt, Math.random()), publishing.signal);
    }
  }
}

export interface StoredManifest extends CheckpointOrder {
  readonly key: string;
  readonly lastModifiedMs: number;
}

/** What the bucket holds of a run's checkpoints, committed or not, in order. */
export interface BucketSurvey {
  readonly manifests: readonly StoredManifest[];
  readonly dataFolders: readonly (CheckpointOrder & { readonly folder: string })[];
}

export async function surveyBucket({ store, run, signal }: BucketAccess): Promise<BucketSurvey> {
  const keys = runKeys(run);
  const manifests: StoredManifest[] = [];
  const dataFolders: (CheckpointOrder & { readonly folder: string })[] = [];
  for await (const { key, lastModifiedMs } of store.list({ prefix: keys.manifestsFolder, signal })) {
    const order = parseManifestKey(key);
    if (order !== null) manifests.push({ ...order, key, lastModifiedMs });
  }
  for await (const folder of store.listFolders({ prefix: keys.dataRoot, signal })) {
    const order = parseDataKey(folder);
    if (order !== null) dataFolders.push(order);
  }
  return { manifests: manifests.toSorted(compareOrder), dataFolders };
}
