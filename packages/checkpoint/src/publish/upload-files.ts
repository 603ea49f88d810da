import type { Manifest, ManifestFile } from '@runctl/protocol';
import { type ContentHashes, FileChangedError, isStoreError, partGrid } from '@runctl/store';
import { mapConcurrently } from '../concurrency.ts';
import { fingerprintOf } from '../recognise/scan.ts';
import type { BucketAccess } from './commit.ts';
import { hashContent, sendContent } from './content.ts';
import type { HeldFile } from './held-files.ts';
import type { UploadProgress } from './publisher-port.ts';

/** Hashes of files by fingerprint: what was hashed once and has not changed since is not read again. */
export class KnownContent {
  readonly #byPath = new Map<string, { readonly fingerprint: string; readonly hashes: ContentHashes }>();

  of(file: HeldFile): ContentHashes | null {
    const known = this.#byPath.get(file.seen.path);
    return known?.fingerprint === fingerprintOf(file.seen) ? known.hashes : null;
  }

  remember(file: HeldFile, hashes: ContentHashes): void {
    this.#byPath.set(file.seen.path, { fingerprint: fingerprintOf(file.seen), hashes });
  }
}

/** Hashes the files that may equal one in the manifest before, since only those can be spared an upload. */
export async function hashFilesOfKnownSize(
  files: readonly HeldFile[],
  before: Manifest | null,
  { known, signal, atMostBytes }: { known: KnownContent; signal: AbortSignal; atMostBytes: number },
): Promise<void> {
  const sizes = new Set(before?.files.map((file) => file.sizeBytes));
  for (const file of files)
    if (sizes.has(file.sizeBytes) && file.sizeBytes <= atMostBytes && known.of(file) === null)
      known.remember(file, await hashContent(file, signal));
}

/** Whether a manifest has every one of these files with this content under this path. Unknown content counts as different. */
export function holdsSameContent(manifest: Manifest | null, files: readonly HeldFile[], known: KnownContent): boolean {
  const stored = new Map(manifest?.files.map((file) => [file.path, file]));
  return files.every((file) => {
    const before = stored.get(file.seen.path);
    return before !== undefined && before.sizeBytes === file.sizeBytes && before.sha256 === known.of(file)?.sha256;
  });
}

export interface UploadOptions extends BucketAccess {
  /** Key of the data folder, ending with `/`. */
  readonly dataFolder: string;
  readonly before: Manifest | null;
  /** Paths of files that may be missing in the end because they change while they are sent. */
  readonly optional: ReadonlySet<string>;
  readonly known: KnownContent;
  /** Uploads under way, by path: kept up to date for the heartbeat. */
  readonly progress: Map<string, UploadProgress>;
}

/** Small files go up side by side, large ones one after the other in many parts: either way few buffers are in use. */
const LARGE_BYTES = 64 * 1024 * 1024;
const SMALL_FILES_AT_ONCE = 8;
const PARTS_AT_ONCE = { small: 1, large: 8 };

/** Brings files into the data folder: copied inside the store where it has the content already, uploaded otherwise. */
export async function uploadFiles(files: readonly HeldFile[], options: UploadOptions): Promise<ManifestFile[]> {
  const stored = new Map(options.before?.files.map((file) => [contentName(file), file.key]));
  try {
    const upload = (file: HeldFile): Promise<ManifestFile | null> =>
      uploadFile(file, stored, options).catch((error: unknown) => {
        if (error instanceof FileChangedError && options.optional.has(file.seen.path)) return null;
        throw error;
      });
    const small = files.filter((file) => file.sizeBytes <= LARGE_BYTES);
    const large = files.filter((file) => file.sizeBytes > LARGE_BYTES);
    const first = await mapConcurrently(small, SMALL_FILES_AT_ONCE, upload);
    const second = await mapConcurrently(large, 1, upload);
    return [...first, ...second].filter((file) => file !== null).sort((a, b) => (a.path < b.path ? -1 : 1));
  } finally {
    options.progress.clear();
  }
}

/**
 * Copies files of the manifest before by their paths: of a companion that is being rewritten, or too large for the time
 * that is left, the version that is durable goes along.
 */
export async function carryOver(paths: readonly string[], options: UploadOptions): Promise<ManifestFile[]> {
  const wanted = (options.before?.files ?? []).filter((file) => paths.includes(file.path));
  const carried = await mapConcurrently(wanted, SMALL_FILES_AT_ONCE, async (file) => {
    // Not the file's own key: an upload to that may have been begun and given up, and land later than this copy.
    const key = `${options.dataFolder}~kept/${file.path}`;
    return (await copied(file.key, key, options)) ? { ...file, key } : null;
  });
  return carried.filter((file) => file !== null);
}

async function uploadFile(file: HeldFile, stored: Map<string, string>, options: UploadOptions): Promise<ManifestFile> {
  const { store, known, progress, signal } = options;
  const { path, sizeBytes, mode } = file.seen;
  const key = options.dataFolder + path;
  const atHand = known.of(file);
  const from = atHand === null ? undefined : stored.get(contentName({ sizeBytes, sha256: atHand.sha256 }));
  if (atHand !== null && from !== undefined && (await copied(from, key, options)))
    return { path, key, sizeBytes, mode, ...manifestHashes(sizeBytes, atHand) };
  progress.set(path, { path, sentBytes: 0, sizeBytes });
  const hashes = await sendContent(file, {
    store,
    key,
    signal,
    partsAtOnce: sizeBytes > LARGE_BYTES ? PARTS_AT_ONCE.large : PARTS_AT_ONCE.small,
    onSent: (sentBytes) => progress.set(path, { path, sentBytes, sizeBytes }),
  });
  progress.delete(path);
  known.remember(file, hashes);
  stored.set(contentName({ sizeBytes, sha256: hashes.sha256 }), key);
  return { path, key, sizeBytes, mode, ...manifestHashes(sizeBytes, hashes) };
}

/** False when the source is gone, which only means that the bytes have to be sent. */
async function copied(from: string, to: string, { store, signal }: UploadOptions): Promise<boolean> {
  try {
    await store.copy(from, to, { signal });
    return true;
  } catch (error) {
    if (isStoreError(error, 'missing')) return false;
    throw error;
  }
}

const contentName = (content: { sizeBytes: number; sha256: string }): string =>
  `${content.sizeBytes} ${content.sha256}`;

function manifestHashes(sizeBytes: number, { sha256, parts }: ContentHashes) {
  return {
    sha256,
    partSizeBytes: partGrid(sizeBytes).partSizeBytes,
    partCrc32: parts.map((part) => part.crc32),
    partSha256: parts.map((part) => part.sha256),
  };
}
