import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { checksumHolds, type SizedCrc32 } from '../../port/crc32.ts';
import type { CallOptions, ObjectInfo, ObjectStore } from '../../port/object-store.ts';
import { ContentHasher } from '../content-hash.ts';
import { partGrid } from '../../parts/part-grid.ts';

export type Evidence = 'md5' | 'crc32' | 'length';

/** Whether a file and an object hold the same bytes; null = nothing recorded tells. */
export interface Comparison {
  readonly same: boolean | null;
  readonly by: Evidence;
}

/** An etag that is the MD5 of the bytes, unless the bucket encrypts with a KMS key: S3 API reference, "Object". */
export function looksLikeMd5(etag: string): boolean {
  return /^[0-9a-f]{32}$/.test(etag);
}

/** A file and an object that may hold the same bytes. */
export interface ContentPair extends CallOptions {
  readonly path: string;
  readonly object: ObjectInfo;
  readonly partSizeBytes?: number;
}

/**
 * Compares a file with an object of the same size by what S3 recorded: the MD5 in its etag, else its CRC-32. Sizes are
 * the caller's to compare. Reads the file whole, and asks S3 for the checksum where the etag does not tell.
 */
export async function compareContent(store: ObjectStore, pair: ContentPair): Promise<Comparison> {
  const { path, object } = pair;
  if (object.sizeBytes === 0) return { same: true, by: 'length' };
  const byMd5 = looksLikeMd5(object.etag);
  if (byMd5) {
    const sums = await sumsOf(path, object.sizeBytes, { ...pair, md5: true });
    if (sums.md5 === object.etag) return { same: true, by: 'md5' };
    return recordedVerdict(await recordedChecksum(store, object, pair), sums.parts);
  }
  const recorded = await recordedChecksum(store, object, pair);
  if (recorded === null) return { same: null, by: 'length' };
  return recordedVerdict(recorded, (await sumsOf(path, object.sizeBytes, { ...pair, md5: false })).parts);
}

function recordedVerdict(recorded: string | null, parts: readonly SizedCrc32[]): Comparison {
  const same = checksumHolds(recorded, parts);
  return same === null ? { same, by: 'length' } : { same, by: 'crc32' };
}

/** Null also when the object is another one by now. */
async function recordedChecksum(store: ObjectStore, object: ObjectInfo, options: CallOptions): Promise<string | null> {
  const head = await store.head(object.key, { checksum: true, signal: options.signal });
  return head?.etag === object.etag ? (head.crc32 ?? null) : null;
}

const READ_BYTES = 1024 * 1024;

async function sumsOf(
  path: string,
  sizeBytes: number,
  options: CallOptions & { readonly md5: boolean; readonly partSizeBytes?: number },
): Promise<{ readonly md5: string | null; readonly parts: readonly SizedCrc32[] }> {
  const { partSizeBytes } = partGrid(sizeBytes, options.partSizeBytes);
  const hasher = new ContentHasher(partSizeBytes);
  const md5 = options.md5 ? createHash('md5') : null;
  let read = 0;
  for await (const chunk of createReadStream(path, { signal: options.signal, highWaterMark: READ_BYTES })) {
    const bytes = chunk as Buffer;
    hasher.update(bytes);
    md5?.update(bytes);
    read += bytes.byteLength;
  }
  const { parts } = hasher.digest();
  const sized = parts.map(({ crc32 }, index) => ({
    crc32,
    sizeBytes: Math.min(partSizeBytes, read - index * partSizeBytes),
  }));
  return { md5: md5?.digest('hex') ?? null, parts: sized };
}
