import { newNonce } from '@runctl/core';
import { type Manifest, type ManifestFile, type Metrics, runKeys, timestampOf } from '@runctl/protocol';
import type { FileSeen } from '../recognise/recogniser.ts';
import { assertMayPublish, type BucketAccess, movePointer, type Publishing, writeManifest } from './commit.ts';
import type { HeldFile } from './held-files.ts';
import type { CompleteCandidate } from './inspect.ts';
import type { Ledger, Standing } from './ledger.ts';
import { savedAtMsOf } from './plan.ts';
import type { UploadProgress } from './publisher-port.ts';
import {
  hashFilesOfKnownSize,
  holdsSameContent,
  carryOver,
  type KnownContent,
  uploadFiles,
  type UploadOptions,
} from './upload-files.ts';

export interface PublishOptions extends Publishing {
  readonly ledger: Ledger;
  readonly standing: Standing;
  readonly known: KnownContent;
  readonly progress: Map<string, UploadProgress>;
  readonly node: number;
  readonly step: number | null;
  readonly metrics: Metrics;
  /** Manifest keys whose data is known to be damaged. */
  readonly rejected: readonly string[];
  /** There is little time: large companions that changed are left out, large files are not read twice. */
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
  const before = trustedManifest(options);
  const files = filesToPublish(complete, options, before);
  const atMostBytes = options.hurry && options.compared ? QUICKLY_HASHED_BYTES : Number.MAX_SAFE_INTEGER;
  await hashFilesOfKnownSize(files, before, { known: options.known, signal: options.signal, atMostBytes });
  if (holdsSameContent(before, files, options.known))
    return { kind: 'identical', companions: takenAlong(complete, files) };
  const order = await options.ledger.nextOrder(options, options.generation, options.standing);
  const nonce = newNonce();
  const dataFolder = runKeys(options.run).dataFolder(order, nonce);
  assertMayPublish(options);
  const optional = new Set(complete.companions.map((file) => file.path));
  const upload = await uploadHeld(complete, { ...options, files, optional, dataFolder, before });
  if ('changed' in upload) return { kind: 'abandoned', why: `${upload.changed} changed while it was uploaded` };
  const manifest: Manifest = {
    version: 1,
    ...order,
    nonce,
    step: options.step,
    previous: options.standing.previousKey,
    recogniser: complete.candidate.recogniser,
    evidence: complete.evidence,
    entry: complete.candidate.entry,
    nodes: [options.node],
    files: [...upload.uploaded],
    ...(Object.keys(options.metrics).length === 0 ? {} : { metrics: options.metrics }),
    savedAt: timestampOf(savedAtMsOf(complete.candidate)),
    at: timestampOf(options.clock.wallMs()),
  };
  if (!(await writeManifest(options, manifest))) {
    options.ledger.forgetNumbers();
    return { kind: 'abandoned', why: `another manifest bears number ${order.generation}-${order.seq}` };
  }
  await movePointer(options, manifest, options.standing.pointer ?? options.standing.damaged);
  return { kind: 'committed', manifest, companions: upload.companions };
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

function trustedManifest({ standing, rejected }: PublishOptions): Manifest | null {
  return standing.pointer === null || rejected.includes(standing.pointer.pointer.manifest) ? null : standing.manifest;
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
async function discard(uploaded: readonly ManifestFile[], { store, signal }: BucketAccess): Promise<void> {
  await store
    .delete(
      uploaded.map((file) => file.key),
      { signal },
    )
    .catch(() => {});
}
