import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PART_SIZE_BYTES } from '@runctl/protocol';
import type { CompletedPart, ObjectStore } from '@runctl/store';
import { mapConcurrently } from '../concurrency.ts';
import type { FileBytes } from '../recognise/structure.ts';

/** Hashes of a file's content, as a manifest has them. */
export interface ContentHashes {
  readonly sha256: string;
  readonly partSizeBytes: number;
  readonly partCrc32: readonly string[];
}

const MOST_PARTS = 10_000;
const PARTS_AT_ONCE = 4;

function partSizeFor(sizeBytes: number): number {
  let partSizeBytes = PART_SIZE_BYTES;
  while (sizeBytes > partSizeBytes * MOST_PARTS) partSizeBytes *= 2;
  return partSizeBytes;
}

interface Part {
  readonly partNumber: number;
  readonly bytes: Buffer;
  readonly crc32: string;
}

/** Reads a file once from its beginning, in parts of the grid; an empty file has one empty part. */
async function* partsOf(file: FileBytes, hash: ReturnType<typeof createHash>): AsyncGenerator<Part> {
  const partSizeBytes = partSizeFor(file.sizeBytes);
  const count = Math.max(1, Math.ceil(file.sizeBytes / partSizeBytes));
  for (let index = 0; index < count; index++) {
    const bytes = await file.read(index * partSizeBytes, partSizeBytes);
    hash.update(bytes);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    yield { partNumber: index + 1, bytes, crc32: sum.toString('base64') };
  }
}

export async function hashContent(file: FileBytes, signal: AbortSignal): Promise<ContentHashes> {
  const hash = createHash('sha256');
  const partCrc32: string[] = [];
  for await (const part of partsOf(file, hash)) {
    signal.throwIfAborted();
    partCrc32.push(part.crc32);
  }
  return { sha256: hash.digest('hex'), partSizeBytes: partSizeFor(file.sizeBytes), partCrc32 };
}

export interface SendOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly onSent: (sentBytes: number) => void;
}

/** Uploads a file and hashes what was sent. */
export async function sendContent(file: FileBytes, options: SendOptions): Promise<ContentHashes> {
  const { store, key, signal } = options;
  const hash = createHash('sha256');
  const partCrc32: string[] = [];
  if (file.sizeBytes <= partSizeFor(file.sizeBytes)) {
    for await (const part of partsOf(file, hash)) {
      await store.put(key, part.bytes, { signal });
      partCrc32.push(part.crc32);
    }
  } else {
    const upload = await store.createMultipart(key, { signal });
    const parts: CompletedPart[] = [];
    const source = partsOf(file, hash);
    let sentBytes = 0;
    try {
      await mapConcurrently(Array.from({ length: PARTS_AT_ONCE }), PARTS_AT_ONCE, async () => {
        for (let next = await source.next(); next.done !== true; next = await source.next()) {
          const { partNumber, bytes, crc32 } = next.value;
          partCrc32[partNumber - 1] = crc32;
          parts[partNumber - 1] = await store.uploadPart(upload, { partNumber, body: bytes, crc32 }, { signal });
          options.onSent((sentBytes += bytes.length));
        }
      });
      await store.completeMultipart(upload, parts, { signal, sizeBytes: file.sizeBytes });
    } catch (error) {
      await store.abortMultipart(upload).catch(() => {});
      throw error;
    }
  }
  options.onSent(file.sizeBytes);
  return { sha256: hash.digest('hex'), partSizeBytes: partSizeFor(file.sizeBytes), partCrc32 };
}
