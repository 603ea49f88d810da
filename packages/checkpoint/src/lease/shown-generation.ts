import { decodeDocument, latestPointer, runKeys } from '@runctl/protocol';
import { isRunctlError } from '@runctl/core';
import { isStoreError, type ObjectStore, readBytes } from '@runctl/store';

export interface RunInStore {
  readonly store: ObjectStore;
  readonly run: string;
}

/**
 * The highest generation that the run's own folders and its pointer show; 0 when they show none. The next generation must
 * be above it, whatever `lease.json` says: the lease may be lost, damaged, or an old version of it may have been put back,
 * and what a run has published under a generation refuses every lower one. Rejects as the store does.
 */
export async function highestShownGeneration({ store, run }: RunInStore, signal?: AbortSignal): Promise<number> {
  const keys = runKeys(run);
  const folders = [keys.attemptsFolder, keys.dataRoot, keys.shardsFolder, keys.logsFolder];
  const shown = await Promise.all([
    ...folders.map((prefix) => highestIn(store.listFolders({ prefix, signal }), prefix)),
    highestIn(keysOf(store.list({ prefix: keys.manifestsFolder, signal })), keys.manifestsFolder),
    generationOfPointer(store, keys.latest, signal),
  ]);
  return Math.max(0, ...shown);
}

/** Every entry below these folders begins with its generation. */
async function highestIn(entries: AsyncIterable<string>, prefix: string): Promise<number> {
  let highest = 0;
  for await (const entry of entries) {
    const digits = /^\d+/.exec(entry.slice(prefix.length))?.[0];
    if (digits !== undefined) highest = Math.max(highest, Number(digits));
  }
  return highest;
}

async function* keysOf(objects: AsyncIterable<{ readonly key: string }>): AsyncIterable<string> {
  for await (const { key } of objects) yield key;
}

/** A damaged pointer tells nothing; the manifest that it named is listed beside it. */
async function generationOfPointer(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<number> {
  try {
    return decodeDocument(latestPointer, await readBytes(store, key, { signal }), key).generation;
  } catch (error) {
    if (isStoreError(error, 'missing') || isRunctlError(error, 'internal')) return 0;
    throw error;
  }
}
