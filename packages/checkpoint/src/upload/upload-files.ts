import { inParallel } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import {
  compositeSha256,
  type ContentHashes,
  FileChangedError,
  FileGrewError,
  FileShrankError,
  hashPart,
  type ObjectStore,
  type PartGrid,
  putFile,
} from '@runctl/store';
import type { FileSeen } from '../contract/recogniser.ts';
import type { FileBytes } from '../formats/structure.ts';
import { fingerprintOf } from '../look/scan.ts';
import type { BucketAccess } from '../ledger/commit.ts';
import type { HeldFile } from '../look/held-files.ts';
import type { UploadProgress } from '../contract/publisher-port.ts';
import { copyChecked, piecesOf } from './checked-copy.ts';
import type { DataPlace } from './data-places.ts';
import type { FileUploads } from './file-uploads.ts';

/** Remembers the hashes of files: what was hashed once and has not changed since is not read again. */
export interface ContentMemory {
  contentOf(file: FileSeen): ContentHashes | null;
  noteContent(file: FileSeen, hashes: ContentHashes): void;
}

export interface HashOptions {
  readonly known: ContentMemory;
  readonly uploads: FileUploads;
  readonly signal: AbortSignal;
  /** Larger files are not read for it: of those, equal parts are found while they are sent. */
  readonly atMostBytes: number;
}

/** Hashes the files that may equal one in the manifest before, since only those can be spared an upload. */
export async function hashFilesOfKnownSize(
  files: readonly HeldFile[],
  before: Manifest | null,
  { known, uploads, signal, atMostBytes }: HashOptions,
): Promise<void> {
  for (const file of files) {
    const upload = uploads.of(file.version.inode);
    const sent = upload?.checkedAs === fingerprintOf(file.version) ? upload.parts.hashes(file.sizeBytes) : null;
    if (sent !== null) known.noteContent(file.version, sent);
  }
  const sizes = new Set(before?.files.map((file) => file.sizeBytes));
  for (const file of files)
    if (sizes.has(file.sizeBytes) && file.sizeBytes <= atMostBytes && known.contentOf(file.version) === null)
      known.noteContent(file.version, await hashContent(file, uploads.gridOf(file.sizeBytes), signal));
}

/** Whether a manifest has every one of these files with this content under this path. Unknown content counts as different. */
export function holdsSameContent(manifest: Manifest | null, files: readonly HeldFile[], known: ContentMemory): boolean {
  const stored = new Map(manifest?.files.map((file) => [file.path, file]));
  return files.every((file) => {
    const before = stored.get(file.version.path);
    return (
      before !== undefined &&
      before.sizeBytes === file.sizeBytes &&
      before.sha256 === known.contentOf(file.version)?.sha256
    );
  });
}

export interface UploadOptions extends BucketAccess {
  readonly place: DataPlace;
  readonly uploads: FileUploads;
  readonly before: Manifest | null;
  /** Paths of files that may be missing in the end because they change while they are sent. */
  readonly optional: ReadonlySet<string>;
  readonly known: ContentMemory;
  /** Uploads under way, by path: kept up to date for the heartbeat. */
  readonly progress: Map<string, UploadProgress>;
}

/** Files of one part go up side by side. Of those with more, lanes are shared, so that the first are whole early. */
const SMALL_FILES_AT_ONCE = 8;
const LARGE_FILES_AT_ONCE = 4;

/** Brings files into the data folder: copied inside the store where it has the content already, uploaded otherwise. */
export async function uploadFiles(files: readonly HeldFile[], options: UploadOptions): Promise<ManifestFile[]> {
  const stored = new Map(options.before?.files.map((file) => [contentName(file), file.key]));
  try {
    const upload = (file: HeldFile): Promise<ManifestFile | null> =>
      uploadFile(file, stored, options).catch((error: unknown) => {
        const changed = [FileChangedError, FileShrankError, FileGrewError].some((kind) => error instanceof kind);
        if (changed && options.optional.has(file.version.path)) return null;
        throw error;
      });
    const inParts = ({ sizeBytes }: HeldFile): boolean => options.uploads.gridOf(sizeBytes).parts.length > 1;
    const small = files.filter((file) => !inParts(file));
    const large = files.filter(inParts);
    const first = await inParallel(small, { concurrency: SMALL_FILES_AT_ONCE }, upload);
    const second = await inParallel(large, { concurrency: LARGE_FILES_AT_ONCE }, upload);
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
  const carried = await inParallel(wanted, { concurrency: SMALL_FILES_AT_ONCE }, async (file) => {
    const key = options.place.keyFor(file.path);
    const pieces = piecesOf(file.sizeBytes, file.partSizeBytes, file.partCrc32);
    return (await copyChecked({ from: file.key, to: key, pieces }, options)) ? { ...file, key } : null;
  });
  return carried.filter((file) => file !== null);
}

async function uploadFile(file: HeldFile, stored: Map<string, string>, options: UploadOptions): Promise<ManifestFile> {
  const { known, place, progress } = options;
  const { path, sizeBytes, mode } = file.version;
  const grid = options.uploads.gridOf(sizeBytes);
  const atHand = known.contentOf(file.version);
  const from = atHand === null ? undefined : stored.get(contentName({ sizeBytes, sha256: atHand.sha256 }));
  if (atHand !== null && from !== undefined) {
    const key = place.keyFor(path);
    const pieces = piecesOf(
      sizeBytes,
      grid.partSizeBytes,
      atHand.parts.map((part) => part.crc32),
    );
    if (await copyChecked({ from, to: key, pieces }, options))
      return { path, key, sizeBytes, mode, ...manifestHashes(grid, atHand) };
  }
  progress.set(path, { path, sentBytes: 0, sizeBytes });
  const { key, hashes } = await sendFile(file, options);
  progress.delete(path);
  known.noteContent(file.version, hashes);
  stored.set(contentName({ sizeBytes, sha256: hashes.sha256 }), key);
  return { path, key, sizeBytes, mode, ...manifestHashes(grid, hashes) };
}

async function sendFile(
  file: HeldFile,
  { store, place, progress, signal, uploads }: UploadOptions,
): Promise<{ readonly key: string; readonly hashes: ContentHashes }> {
  const { path, sizeBytes } = file.version;
  const onProgress = (sentBytes: number): void => void progress.set(path, { path, sentBytes, sizeBytes });
  if (uploads.gridOf(sizeBytes).parts.length > 1) return uploads.bring(file, place, { signal, onProgress });
  const key = place.keyFor(path);
  return { key, hashes: await sendContent(file, { store, key, signal, onSent: onProgress }) };
}

const contentName = (content: { sizeBytes: number; sha256: string }): string =>
  `${content.sizeBytes} ${content.sha256}`;

/** The hashes of a file as a manifest has them. */
export function manifestHashes({ partSizeBytes }: PartGrid, { sha256, parts }: ContentHashes) {
  return {
    sha256,
    partSizeBytes,
    partCrc32: parts.map((part) => part.crc32),
    partSha256: parts.map((part) => part.sha256),
  };
}

async function hashContent(file: FileBytes, { parts: grid }: PartGrid, signal: AbortSignal): Promise<ContentHashes> {
  const parts = [];
  for (const { start, end } of grid) {
    signal.throwIfAborted();
    parts.push(hashPart(await file.read(start, end - start)));
  }
  return { sha256: compositeSha256(parts), parts };
}

interface SendOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly onSent: (sentBytes: number) => void;
}

/** Uploads a file of one part and hashes what was sent. */
async function sendContent(file: HeldFile, options: SendOptions): Promise<ContentHashes> {
  let sentBytes = 0;
  const sent = await putFile(options.store, {
    key: options.key,
    path: file.openPath,
    signal: options.signal,
    onProgress: (bytes) => options.onSent((sentBytes += bytes)),
  });
  return { sha256: sent.sha256, parts: sent.parts };
}
