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
  readonly known: ContentMemory;
  readonly places: DataPlaces;
  readonly uploads: FileUploads;
  readonly progress: Map<string, UploadProgress>;
  readonly node: number;
  readonly nodes: number;
  readonly gatherMs: number;
  readonly step: number | null;
  readonly metrics: Metrics;
  /** Manifest keys whose data is known to be damaged. */
  readonly rejected: readonly string[];
  /** There is little time: large companions that changed are left out. */
  readonly hurry: boolean;
  /** The files here have been compared with the durable checkpoint before, so they are most likely new. */
  readonly compared: boolean;
}

export type PublishResult =
  | { readonly kind: 'committed'; readonly manifest: Manifest; readonly companions: readonly FileSeen[] }
  | { readonly kind: 'identical'; readonly companions: readonly FileSeen[] }
  | { readonly kind: 'abandoned'; readonly why: string };

const SMALL_BYTES = 1024 * 1024;
const QUICKLY_HASHED_BYTES = 64 * 1024 * 1024;

/**
 * Brings one complete candidate into the bucket: bytes, manifest, pointer, in this order, so that a crash at any point
 * leaves nothing that counts. What was written before a crash is cleaned up when checkpoints are pruned.
 */
export async function publishCandidate(complete: CompleteCandidate, options: PublishOptions): Promise<PublishResult> {
  const { known, places, signal, standing, uploads } = options;
  const before = trustedManifest(options);
  const files = filesToPublish(complete, options, before);
  // Until something here was compared with the bucket it is most likely there already, afterwards most likely new.
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
  // Whatever comes of it: a manifest may bear this number from now on.
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

/** Where the most bytes of these files are already comes first. */
function placesOf(files: readonly HeldFile[], uploads: FileUploads): readonly DataPlace[] {
  const sent = new Map<DataPlace, number>();
  for (const { seen } of files) {
    const upload = uploads.of(seen.inode);
    if (upload !== null) sent.set(upload.place, (sent.get(upload.place) ?? 0) + upload.parts.sentBytes);
  }
  return Array.from(sent.keys()).sort((a, b) => (sent.get(b) ?? 0) - (sent.get(a) ?? 0));
}

/** Asks the other nodes for theirs, before this one uploads, so that all do at the same time. Null on a single machine. */
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
  /** Those that went along as they are now. */
  readonly companions: readonly FileSeen[];
}

/**
 * Uploads files and looks at them again. A change of an own file makes whatever was sent worthless, and explains errors on
 * the way. A companion that changed, or was left out, goes along as it is in the manifest before.
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

function trustedManifest({ standing, rejected, node }: PublishOptions): Manifest | null {
  const { pointer, manifest } = standing;
  if (pointer === null || manifest === null || rejected.includes(pointer.pointer.manifest)) return null;
  return manifestForNode(manifest, node);
}

function takenAlong({ companions }: CompleteCandidate, files: readonly HeldFile[]): readonly FileSeen[] {
  return companions.filter((companion) => files.some((file) => file.seen.path === companion.path));
}

/** The candidate's own files, and of its companions those that are complete and, in a hurry, cost little. */
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

/** Best effort: what stays behind is an orphan that pruning removes. */
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
