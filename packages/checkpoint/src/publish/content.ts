import { createHash } from 'node:crypto';
import { crc32Of, type ObjectStore, partGrid, putFile } from '@runctl/store';
import type { FileBytes } from '../recognise/structure.ts';
import type { HeldFile } from './held-files.ts';

/** Hashes of a file's content, as a manifest has them. */
export interface ContentHashes {
  readonly sha256: string;
  readonly partSizeBytes: number;
  readonly partCrc32: readonly string[];
}

export async function hashContent(file: FileBytes, signal: AbortSignal): Promise<ContentHashes> {
  const { partSizeBytes, parts } = partGrid(file.sizeBytes);
  const hash = createHash('sha256');
  const partCrc32: string[] = [];
  for (const { start, end } of parts) {
    signal.throwIfAborted();
    const bytes = await file.read(start, end - start);
    hash.update(bytes);
    partCrc32.push(crc32Of(bytes));
  }
  return { sha256: hash.digest('hex'), partSizeBytes, partCrc32 };
}

export interface SendOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly partsAtOnce: number;
  readonly onSent: (sentBytes: number) => void;
}

/** Uploads a file and hashes what was sent. */
export async function sendContent(file: HeldFile, options: SendOptions): Promise<ContentHashes> {
  let sentBytes = 0;
  const sent = await putFile(options.store, options.key, file.openPath, {
    signal: options.signal,
    concurrency: options.partsAtOnce,
    onProgress: (bytes) => options.onSent((sentBytes += bytes)),
  });
  const { partSizeBytes } = partGrid(sent.sizeBytes);
  return { sha256: sent.sha256, partSizeBytes, partCrc32: sent.parts.map((part) => part.crc32) };
}
