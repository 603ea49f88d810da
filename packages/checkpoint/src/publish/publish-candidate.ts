import { newNonce } from '@runctl/core';
import {
  type CheckpointOrder,
  FORMAT_VERSION,
  type Manifest,
  type ManifestFile,
  type Metrics,
  timestampOf,
} from '@runctl/protocol';
import type { FileSeen } from '../contract/recogniser.ts';
import { assertMayPublish, type BucketAccess, movePointer, type Publishing, writeManifest } from '../ledger/commit.ts';
import type { HeldFile } from '../look/held-files.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { Ledger, Standing } from '../ledger/ledger.ts';
import { savedAtMsOf } from '../look/plan.ts';
import type { UploadProgress } from '../contract/publisher-port.ts';
import { manifestForNode, mergeShards } from '../ledger/node-files.ts';
import { gatherShards, openRound, type OpenRound } from '../ledger/shard-rounds.ts';
import type { DataPlace, DataPlaces } from '../upload/data-places.ts';
import type { FileUploads } from '../upload/file-uploads.ts';
import {
  hashFilesOfKnownSize,
  holdsSameContent,
  carryOver,
  type ContentMemory,
  uploadFiles,
  type UploadOptions,
} from '../upload/upload-files.ts';

export interface PublishOptions extends Publishing {
  readonly ledger: Ledger;
  readonly standing: Standing;
  /** Hashes of files that have not changed since they were read. */
  readonly known: ContentMemory;
  readonly places: DataPlaces;
  readonly uploads: FileUploads;
  /** Files being uploaded, by path: kept up to date for the heartbeat. */
  readonly progress: Map<string, UploadProgress>;
  readonly node: number;
  readonly nodes: number;
  /** See `PublisherOptions`. */
  readonly gatherMs: number;
  readonly step: number | null;
  readonly metrics: Metrics;
  /** Manifest keys whose data is known to be damaged. */
  readonly rejected: readonly string[];
  /** Time is short: large companions that changed are left out. */
  readonly hurry: boolean;
  /** The files here have been compared with the durable checkpoint, so that later ones are most likely new. */
  readonly compared: boolean;
}

/**
 * `committed`: `latest.json` names the new manifest. `identical`: the manifest that it names has the same content
 * already. `abandoned`: nothing was committed, and a later pass may succeed. `companions` are those that are durable
 * as they are now.
 */
export type PublishResult =
  | { readonly kind: 'committed'; readonly manifest: Manifest; readonly companions: readonly FileSeen[] }
  | { readonly kind: 'identical'; readonly companions: readonly FileSeen[] }
  | { readonly kind: 'abandoned'; readonly why: string };

/** Companions up to this size go along even when time is short. */
const SMALL_BYTES = 1024 * 1024;
/** Files up to this size are hashed before the upload even if they are most likely new. */
const QUICKLY_HASHED_BYTES = 64 * 1024 * 1024;

/**
 * Makes one complete candidate durable: writes its bytes, then the manifest, then the pointer, so that a crash before
 * the last of them leaves the previous checkpoint in place. Pruning deletes what was written before a crash. Rejects
 * with PublishingRefused when this machine may not publish (any more), and as the store and the file system do.
 */
export async function publishCandidate(complete: CompleteCandidate, options: PublishOptions): Promise<PublishResult> {
  const { known, places, signal, standing, uploads } = options;
  const before = trustedManifest(options);
  const files = filesToPublish(complete, options, before);
  // Before the first comparison the bucket most likely has these files already; later ones are most likely new.
  const atMostBytes = options.compared ? QUICKLY_HASHED_BYTES : Number.MAX_SAFE_INTEGER;
  await hashFilesOfKnownSize(files, before, { known, uploads, signal, atMostBytes });
  if (holdsSameContent(before, files, known)) return { kind: 'identical', companions: takenAlong(complete, files) };
  const place = await places.forCheckpoint(options, placesOf(files, uploads), standing);
  assertMayPublish(options);
  const round = await roundOf(options, place.order);
  if (round !== null && 'problem' in round) return { kind: 'abandoned', why: round.problem };
  const optional = new Set(complete.companions.map((file) => file.path));
  const upload = await uploadHeld(complete, { ...options, files, optional, place, before });
  if ('changed' in upload) return { kind: 'abandoned', why: `${upload.changed} changed while it was uploaded` };
  const together = await filesOfAll(upload.uploaded, round, options);
  if ('missing' in together) return { kind: 'abandoned', why: together.missing };
  const manifest = manifestOf(complete, together, place, options);
  // Even if the write below seems to fail, a manifest may exist under this number from now on.
  places.spend(place);
  if (!(await writeManifest(options, manifest))) {
    options.ledger.forgetNumbers();
    return { kind: 'abandoned', why: `another manifest bears number ${manifest.generation}-${manifest.seq}` };
  }
  await movePointer(options, manifest, standing.pointer ?? standing.damaged);
  return { kind: 'committed', manifest, companions: upload.companions };
}

function manifestOf(
  { candidate, evidence }: CompleteCandidate,
  { files, nodes }: FilesOfNodes,
  place: DataPlace,
  options: PublishOptions,
): Manifest {
  return {
    version: FORMAT_VERSION,
    ...place.order,
    nonce: newNonce(),
    step: options.step,
    previous: options.standing.previousKey,
    recogniser: candidate.recogniser,
    evidence,
    entry: candidate.entry,
    nodes: [...nodes],
    files: [...files],
    ...(Object.keys(options.metrics).length === 0 ? {} : { metrics: options.metrics }),
    savedAt: timestampOf(savedAtMsOf(candidate)),
    at: timestampOf(options.clock.wallMs()),
  };
}

/** The data places that parts of these files were uploaded to, the one with the most bytes first. */
function placesOf(files: readonly HeldFile[], uploads: FileUploads): readonly DataPlace[] {
  const sent = new Map<DataPlace, number>();
  for (const { seen } of files) {
    const upload = uploads.of(seen.inode);
    if (upload !== null) sent.set(upload.place, (sent.get(upload.place) ?? 0) + upload.parts.sentBytes);
  }
  return Array.from(sent.keys()).sort((a, b) => (sent.get(b) ?? 0) - (sent.get(a) ?? 0));
}

/** Asks the other nodes for their files before this one uploads, so that all upload at once. Null on one machine. */
async function roundOf(
  options: PublishOptions,
  order: CheckpointOrder,
): Promise<OpenRound | { readonly problem: string } | null> {
  const { step, nodes } = options;
  if (nodes === 1) return null;
  if (step === null)
    return { problem: `nothing tells its step, so the files of ${nodes} machines can't be known to belong together` };
  const round = { order, nonce: newNonce(), step, nodes };
  await openRound(options, round);
  return round;
}

interface FilesOfNodes {
  readonly files: readonly ManifestFile[];
  readonly nodes: readonly number[];
}

/** Adds the files of the other nodes, for which it waits up to `gatherMs`, to this node's own. */
async function filesOfAll(
  own: readonly ManifestFile[],
  round: OpenRound | null,
  options: PublishOptions,
): Promise<FilesOfNodes | { readonly missing: string }> {
  const { node, clock, gatherMs } = options;
  if (round === null) return { files: own, nodes: [node] };
  const gathered = await gatherShards(options, round, clock.monotonicMs() + gatherMs);
  if ('missing' in gathered) return gathered;
  const shards = [{ node, files: [...own] }, ...gathered.shards];
  return { files: mergeShards(shards), nodes: shards.map((each) => each.node).sort((a, b) => a - b) };
}

interface HeldUpload extends UploadOptions {
  readonly files: readonly HeldFile[];
}

interface Uploaded {
  readonly uploaded: readonly ManifestFile[];
  /** Companions that were uploaded as they are now, not carried over from the manifest before. */
  readonly companions: readonly FileSeen[];
}

/**
 * Uploads the held files, then checks which of them have changed meanwhile. A change of one of the candidate's own
 * files makes the upload worthless and explains an error of it. A companion that changed or was left out is carried
 * over from the manifest before, in the version that is durable.
 */
async function uploadHeld(
  { candidate, companions, held }: CompleteCandidate,
  options: HeldUpload,
): Promise<Uploaded | { readonly changed: string }> {
  const result = await uploadFiles(options.files, options).then(
    (uploaded) => ({ uploaded }),
    (error: unknown) => ({ error }),
  );
  const changed = await held.changed();
  const own = candidate.files.find((file) => changed.has(file.path));
  if (own !== undefined) {
    if ('uploaded' in result) await discard(result.uploaded, options);
    return { changed: own.path };
  }
  if ('error' in result) throw result.error;
  const uploaded = result.uploaded.filter((file) => !changed.has(file.path));
  const present = new Set(uploaded.map((file) => file.path));
  const lacking = candidate.companions.map((file) => file.path).filter((path) => !present.has(path));
  return {
    uploaded: [...uploaded, ...(await carryOver(lacking, options))],
    companions: companions.filter((file) => present.has(file.path)),
  };
}

/** This node's part of the committed manifest; null when there is none, or a restore found its data damaged. */
function trustedManifest({ standing, rejected, node }: PublishOptions): Manifest | null {
  const { pointer, manifest } = standing;
  if (pointer === null || manifest === null || rejected.includes(pointer.pointer.manifest)) return null;
  return manifestForNode(manifest, node);
}

/** The companions that are among `files`. */
function takenAlong({ companions }: CompleteCandidate, files: readonly HeldFile[]): readonly FileSeen[] {
  return companions.filter((companion) => files.some((file) => file.seen.path === companion.path));
}

/** The candidate's own files and its complete companions; in a hurry only companions that cost little to upload. */
function filesToPublish(
  { candidate, companions, held }: CompleteCandidate,
  { hurry, known }: PublishOptions,
  before: Manifest | null,
): readonly HeldFile[] {
  const own = new Set(candidate.files.map((file) => file.path));
  const along = new Set(companions.map((file) => file.path));
  return held.files.filter((file) => {
    if (own.has(file.seen.path)) return true;
    if (!along.has(file.seen.path)) return false;
    return !hurry || file.sizeBytes <= SMALL_BYTES || holdsSameContent(before, [file], known);
  });
}

/** Deletes what was uploaded, as far as the store lets it: pruning removes the rest. */
async function discard(
  uploaded: readonly ManifestFile[],
  { store, signal, files, uploads }: BucketAccess & Pick<HeldUpload, 'files' | 'uploads'>,
): Promise<void> {
  for (const { seen } of files) {
    const upload = uploads.of(seen.inode);
    if (upload !== null && upload.object !== null) await uploads.drop(upload);
  }
  const keys = uploaded.map((file) => file.key);
  await store.delete(keys, { signal }).catch(() => {});
}
