import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PrefetchedCheckpoint, RestoredCheckpoint, RestoreOptions } from '@runctl/checkpoint';
import { decodeDocument, latestPointer, type Manifest, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { isStoreError, readBytes } from '@runctl/store';

/** For a mutant: restores what `latest.json` names, or what was fetched before, and looks at nothing but sizes. */
export async function sizeOnlyRestore(
  options: RestoreOptions,
  prefetched: PrefetchedCheckpoint | null,
): Promise<RestoredCheckpoint | null> {
  const manifestKey = prefetched?.manifestKey ?? (await latestKey(options));
  if (manifestKey === null) return null;
  const manifest = prefetched?.manifest ?? (await readManifest(options, manifestKey));
  const { folder, store } = options;
  await rm(folder, { recursive: true, force: true });
  for (const file of manifest.files) {
    const bytes = await readBytes(store, file.key);
    if (bytes.byteLength !== file.sizeBytes) throw new Error(`${file.key} has another size`);
    const place = join(folder, file.path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, bytes);
    await chmod(place, file.mode);
  }
  return {
    manifest,
    manifestKey,
    entryPath: join(folder, manifest.entry),
    companions: [],
    leftBehind: null,
    warnings: [],
    rejected: [],
  };
}

async function readManifest({ store }: RestoreOptions, key: string): Promise<Manifest> {
  return decodeDocument(manifestSchema, await readBytes(store, key), key);
}

async function latestKey({ store, run }: RestoreOptions): Promise<string | null> {
  const key = runKeys(run).latest;
  try {
    return decodeDocument(latestPointer, await readBytes(store, key), key).manifest;
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}
