import { inParallel } from '@runctl/core';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { type ContentHashes, compositeSha256, hashPart } from '@runctl/store';
import type { Tracker } from '../contract/recogniser.ts';
import { manifestHashes, type UploadOptions } from './upload-files.ts';

const AT_ONCE = 8;

type TrackerOptions = Pick<UploadOptions, 'place' | 'signal' | 'store' | 'uploads'>;

/** Writes the trackers of a checkpoint into its data folder, with the texts that belong to it. Reads nothing from the disk. */
export async function putTrackers(
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
