import { compositeSha256, type ContentHashes, hashPart, type ObjectStore, type PartGrid, putFile } from '@runctl/store';
import type { FileBytes } from '../formats/structure.ts';
import type { HeldFile } from '../look/held-files.ts';

export async function hashContent(
  file: FileBytes,
  { parts: grid }: PartGrid,
  signal: AbortSignal,
): Promise<ContentHashes> {
  const parts = [];
  for (const { start, end } of grid) {
    signal.throwIfAborted();
    parts.push(hashPart(await file.read(start, end - start)));
  }
  return { sha256: compositeSha256(parts), parts };
}

export interface SendOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly onSent: (sentBytes: number) => void;
}

/** Uploads a file of one part and hashes what was sent. */
export async function sendContent(file: HeldFile, options: SendOptions): Promise<ContentHashes> {
  let sentBytes = 0;
  const sent = await putFile(options.store, options.key, file.openPath, {
    signal: options.signal,
    onProgress: (bytes) => options.onSent((sentBytes += bytes)),
  });
  return { sha256: sent.sha256, parts: sent.parts };
}
