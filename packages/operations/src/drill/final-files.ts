import { latestPointer, manifest, runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';

/** Paths and hashes of the last durable checkpoint, and its step; null when there is none. */
export interface FinalCheckpoint {
  readonly step: number | null;
  readonly files: ReadonlyMap<string, string>;
}

export async function finalCheckpoint(store: ObjectStore, run: string): Promise<FinalCheckpoint | null> {
  const pointer = await readDocument(store, latestPointer, runKeys(run).latest);
  if (pointer === null) return null;
  const found = await readDocument(store, manifest, pointer.document.manifest);
  if (found === null) return null;
  return {
    step: found.document.step,
    files: new Map(found.document.files.map((file) => [file.path, `${file.sizeBytes} ${file.sha256}`])),
  };
}

/** Paths that are not the same in both; both must hold something to be compared at all. */
export function differingFiles(a: FinalCheckpoint | null, b: FinalCheckpoint | null): readonly string[] | null {
  if (a === null && b === null) return null;
  const paths = new Set([...(a?.files.keys() ?? []), ...(b?.files.keys() ?? [])]);
  return [...paths].filter((path) => a?.files.get(path) !== b?.files.get(path)).sort();
}
