import type { Log } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { assertMayPublish, type BucketAccess, type Publishing } from '../ledger/commit.ts';
import { danglingAmong } from '../look/along.ts';
import { CompanionSets } from '../look/companion-sets.ts';
import type { HeldFile } from '../look/held-files.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { Standing } from '../ledger/ledger.ts';
import type { UploadProgress } from '../contract/publisher-port.ts';
import { type FilesOfNodes, gatherNodeFiles, type NodesOfRun, openRoundFor } from '../ledger/node-files.ts';
import type { DataPlace, DataPlaces } from '../upload/data-places.ts';
import type { FileUploads } from '../upload/file-uploads.ts';
import { type DurableVersionsOptions, durableVersions } from '../upload/durable-versions.ts';
import { holdsTrackers, withTrackers } from '../upload/trackers.ts';
import { hashFilesOfKnownSize, holdsSameContent, type ContentMemory, uploadFiles } from '../upload/upload-files.ts';

export interface UploadStage extends Publishing {
  readonly log: Log;
  readonly standing: Standing;
  /** This node's part of the committed manifest; null when there is none, or a restore found its data damaged. */
  readonly before: Manifest | null;
  /** Hashes of files that have not changed since they were read. */
  readonly known: ContentMemory;
  readonly places: DataPlaces;
  readonly uploads: FileUploads;
  /** Files being uploaded, by path: kept up to date for the heartbeat. */
  readonly progress: Map<string, UploadProgress>;
  readonly nodes: NodesOfRun;
  readonly step: number | null;
  /** Time is short: large companions that changed are left out. */
  readonly hurry: boolean;
  /** The files here have been compared with the durable checkpoint, so that later ones are most likely new. */
  readonly compared: boolean;
}

/** Companions are those that are in the bucket as they are now. */
export type UploadResult =
  | ({ readonly kind: 'uploaded'; readonly place: DataPlace } & FilesOfNodes & Companions)
  /** The manifest before has the same content already. */
  | ({ readonly kind: 'identical' } & Companions)
  /** Nothing may be committed; a later pass may succeed. */
  | { readonly kind: 'abandoned'; readonly why: string };

type Companions = Pick<CompleteCandidate, 'companions'>;

/** Companions up to this size go along even when time is short. */
const SMALL_BYTES = 1024 * 1024;
/** Files up to this size are hashed before the upload even if they are most likely new. */
const QUICKLY_HASHED_BYTES = 64 * 1024 * 1024;

/**
 * Brings the bytes of a complete candidate into the bucket, those of the other nodes included, and checks that they did
 * not change meanwhile. Nothing of it counts before a manifest names it. Rejects with PublishingRefused when this
 * machine may not publish (any more), and as the store and the file system do.
 */
export async function uploadCandidate(complete: CompleteCandidate, stage: UploadStage): Promise<UploadResult> {
  const { before, known, places, signal, standing, uploads } = stage;
  const files = filesToPublish(complete, stage);
  // Before the first comparison the bucket most likely has these files already; later ones are most likely new.
  const atMostBytes = stage.compared ? QUICKLY_HASHED_BYTES : Number.MAX_SAFE_INTEGER;
  await hashFilesOfKnownSize(files, before, { known, uploads, signal, atMostBytes });
  const { trackers = [] } = complete.candidate;
  if (holdsSameContent(before, files, known) && holdsTrackers(before, trackers, stage))
    return { kind: 'identical', companions: presentAmong(complete.companions, files) };
  const place = await places.forCheckpoint(stage, placesOf(files, uploads), standing);
  assertMayPublish(stage);
  // The other nodes are asked before this one uploads, so that all upload at once.
  const round = await openRoundFor(stage, place.order, stage);
  if (round !== null && 'problem' in round) return { kind: 'abandoned', why: round.problem };
  const optional = new Set(complete.companions.map((file) => file.path));
  const own = await uploadHeld(complete, { ...stage, files, optional, place });
  if ('changed' in own) return { kind: 'abandoned', why: `${own.changed} changed while it was uploaded` };
  const together = await gatherNodeFiles(stage, { own: own.uploaded, round, of: stage.nodes });
  if ('missing' in together) return { kind: 'abandoned', why: together.missing };
  return { kind: 'uploaded', place, ...together, companions: own.companions };
}

/** The data places that parts of these files were uploaded to, the one with the most bytes first. */
function placesOf(files: readonly HeldFile[], uploads: FileUploads): readonly DataPlace[] {
  const sent = new Map<DataPlace, number>();
  for (const { version } of files) {
    const upload = uploads.of(version.inode);
    if (upload !== null) sent.set(upload.place, (sent.get(upload.place) ?? 0) + upload.parts.sentBytes);
  }
  return Array.from(sent.keys()).sort((a, b) => (sent.get(b) ?? 0) - (sent.get(a) ?? 0));
}

interface HeldUpload extends DurableVersionsOptions {
  readonly files: readonly HeldFile[];
}

interface OwnFiles extends Companions {
  readonly uploaded: readonly ManifestFile[];
}

/**
 * Uploads the held files, then checks which of them have changed meanwhile. A change of one of the candidate's own
 * files makes the upload worthless and explains an error of it. A companion that changed or was left out is carried
 * over from the manifest before, in the version that is durable.
 */
async function uploadHeld(
  { apart, candidate, companions, held }: CompleteCandidate,
  options: HeldUpload,
): Promise<OwnFiles | { readonly changed: string }> {
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
  const still = new Set(result.uploaded.map(({ path }) => path).filter((path) => !changed.has(path)));
  const whole = inWholeSets({ apart, candidate, held }, still);
  const unchanged = result.uploaded.filter(({ path }) => whole.has(path));
  const dangling = danglingAmong(new Set(unchanged.map(({ path }) => path)), candidate);
  const kept = unchanged.filter(({ path }) => !dangling.has(path));
  const uploaded = await withTrackers(kept, candidate.trackers ?? [], options);
  const present = new Set(uploaded.map((file) => file.path));
  return {
    uploaded: [...uploaded, ...(await durableVersions({ apart, candidate }, present, options))],
    companions: companions.filter((file) => present.has(file.path)),
  };
}

/** Those of `paths` of whose sets all files are among them, but for unreadable ones: else they may be of two moments. */
function inWholeSets(
  { apart, candidate, held }: Pick<CompleteCandidate, 'apart' | 'candidate' | 'held'>,
  paths: ReadonlySet<string>,
): ReadonlySet<string> {
  const sets = new CompanionSets(candidate, apart);
  const there = new Set([...paths, ...held.forbidden.map(({ path }) => path)]);
  const missing = candidate.companions.map(({ path }) => path).filter((path) => !there.has(path));
  const torn = new Set(missing.map((path) => sets.nameFor(path)).filter((name) => name !== null));
  return new Set(Array.from(paths).filter((path) => !torn.has(sets.nameFor(path) ?? '')));
}

function presentAmong(companions: Companions['companions'], files: readonly HeldFile[]): Companions['companions'] {
  return companions.filter((companion) => files.some((file) => file.version.path === companion.path));
}

/** The candidate's own files and its complete companions; in a hurry only companions that cost little to upload. */
function filesToPublish(
  { candidate, companions, held }: CompleteCandidate,
  { before, hurry, known }: UploadStage,
): readonly HeldFile[] {
  const own = new Set(candidate.files.map((file) => file.path));
  const along = new Set(companions.map((file) => file.path));
  return held.files.filter((file) => {
    if (own.has(file.version.path)) return true;
    if (!along.has(file.version.path)) return false;
    return !hurry || file.sizeBytes <= SMALL_BYTES || holdsSameContent(before, [file], known);
  });
}

/** Deletes what was uploaded, as far as the store lets it: pruning removes the rest. */
async function discard(
  uploaded: readonly ManifestFile[],
  { store, signal, files, uploads }: BucketAccess & Pick<HeldUpload, 'files' | 'uploads'>,
): Promise<void> {
  for (const { version } of files) {
    const upload = uploads.of(version.inode);
    if (upload !== null && upload.object !== null) await uploads.drop(upload);
  }
  const keys = uploaded.map((file) => file.key);
  await store.delete(keys, { signal }).catch(() => {});
}
