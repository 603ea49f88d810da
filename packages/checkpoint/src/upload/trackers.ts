import { inParallel } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { type ContentHashes, compositeSha256, hashPart } from '@runctl/store';
import type { Tracker } from '../contract/recogniser.ts';
import { manifestHashes, type UploadOptions } from './upload-files.ts';

const AT_ONCE = 8;

type TrackerOptions = Pick<UploadOptions, 'place' | 'signal' | 'store' | 'uploads'>;

/** Adds the trackers of a checkpoint to its files, each in place of a file of its path, since a manifest names a file once. */
export async function withTrackers(
  uploaded: readonly ManifestFile[],
  trackers: readonly Tracker[],
  options: TrackerOptions,
): Promise<readonly ManifestFile[]> {
  const paths = new Set(trackers.map(({ path }) => path));
  return [...uploaded.filter(({ path }) => !paths.has(path)), ...(await putTrackers(trackers, options))];
}

/** Writes the trackers into the data folder, with the texts that belong to the checkpoint. Reads nothing from the disk. */
async function putTrackers(
  trackers: readonly Tracker[],
  { place, signal, store, uploads }: TrackerOptions,
): Promise<readonly ManifestFile[]> {
  return inParallel(trackers, { concurrency: AT_ONCE }, async ({ mode, path, text }) => {
    const bytes = Buffer.from(text);
    const key = place.keyFor(path);
    await store.put(key, bytes, { signal });
    const grid = uploads.gridOf(bytes.length);
    return { path, key, sizeBytes: bytes.length, mode, ...manifestHashes(grid, contentOf(bytes, uploads)) };
  });
}

/** Whether a manifest has these trackers with these texts. */
export function holdsTrackers(
  manifest: Manifest | null,
  trackers: readonly Tracker[],
  { uploads }: Pick<TrackerOptions, 'uploads'>,
): boolean {
  const stored = new Map(manifest?.files.map((file) => [file.path, file.sha256]));
  return trackers.every(({ path, text }) => stored.get(path) === contentOf(Buffer.from(text), uploads).sha256);
}

function contentOf(bytes: Buffer, uploads: TrackerOptions['uploads']): ContentHashes {
  const parts = uploads.gridOf(bytes.length).parts.map(({ start, end }) => hashPart(bytes.subarray(start, end)));
  return { sha256: compositeSha256(parts), parts };
}
