import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type ObjectInfo, type ObjectStore, StoreError } from '../object-store.ts';
import { BufferPool } from './buffer-pool.ts';
import { compositeSha256, hashPart } from './content-hash.ts';
import { inParallel } from './parallel.ts';
import { type GridPart, partGrid } from './part-grid.ts';
import type { TransferOptions, TransferredPart } from './put-file.ts';

export interface GetFileResult<Part = FetchedPart> {
  readonly info: ObjectInfo;
  /** Of the whole file, see `compositeSha256`. */
  readonly sha256: string;
  readonly parts: readonly Part[];
}

export interface FetchedPart extends Omit<TransferredPart, 'crc32'> {
  /** Null unless asked for: the SHA-256 says more, and a second pass over the bytes costs a tenth of a download's CPU. */
  readonly crc32: string | null;
}

export interface GetFileOptions<Part = FetchedPart> extends TransferOptions {
  /** The version to fetch, where the caller knows it already. */
  readonly info?: ObjectInfo;
  /** Parts that stand in the file already and were verified; the file then exists and is gone on with. */
  readonly known?: ReadonlyMap<number, Part>;
  /** Called for each part that is written. */
  onPart?(part: Part): Promise<void>;
  /** Whether the parts' CRCs are wanted too. */
  readonly crc32?: boolean;
}

const DEFAULT_CONCURRENCY = 8;

/**
 * Downloads one version of an object in parallel ranges into a file that must not exist yet; with `known` it must, and is
 * gone on with. What is left of it after a failure is the caller's to remove. Rejects with `missing`, and with
 * `precondition` when the object is replaced meanwhile. The caller compares `sha256` with what it expects; it depends on
 * the part size.
 */
export function getToFile(
  store: ObjectStore,
  key: string,
  path: string,
  options: GetFileOptions<TransferredPart> & { readonly crc32: true },
): Promise<GetFileResult<TransferredPart>>;
export function getToFile(
  store: ObjectStore,
  key: string,
  path: string,
  options?: GetFileOptions,
): Promise<GetFileResult>;
export async function getToFile(
  store: ObjectStore,
  key: string,
  path: string,
  options: GetFileOptions = {},
): Promise<GetFileResult> {
  const { signal } = options;
  const info = options.info ?? (await store.head(key, { signal }));
  if (info === null) throw new StoreError('missing', `no object ${key}`, { key });
  const file = await open(path, options.known === undefined ? 'wx' : 'r+');
  try {
    return { info, ...(await fetchParts(store, { file, info }, options)) };
  } finally {
    await file.close();
  }
}

async function fetchParts(
  store: ObjectStore,
  to: { readonly file: FileHandle; readonly info: ObjectInfo },
  options: GetFileOptions,
): Promise<Omit<GetFileResult, 'info'>> {
  const { file, info } = to;
  const grid = partGrid(info.sizeBytes, options.partSizeBytes);
  const concurrency = Math.max(1, options.concurrency ?? DEFAULT_CONCURRENCY);
  const pool = new BufferPool(concurrency, Math.min(grid.partSizeBytes, info.sizeBytes));
  const parts = await inParallel(grid.parts, { concurrency, signal: options.signal }, async (part, signal) => {
    const there = options.known?.get(part.partNumber);
    if (there !== undefined) return there;
    const buffer = await pool.take(signal);
    try {
      const body = await fetchPart(store, info, { part, buffer, signal });
      await writeAll(file, body, part.start);
      options.onProgress?.(body.byteLength);
      const written = { partNumber: part.partNumber, sizeBytes: body.byteLength, ...hashesOf(body, options) };
      await options.onPart?.(written);
      return written;
    } finally {
      pool.give(buffer);
    }
  });
  return { sha256: compositeSha256(parts), parts };
}

function hashesOf(body: Buffer, { crc32 = false }: GetFileOptions): Pick<FetchedPart, 'crc32' | 'sha256'> {
  return crc32 ? hashPart(body) : { crc32: null, sha256: hash('sha256', body, 'hex') };
}

async function fetchPart(
  store: ObjectStore,
  { key, etag, sizeBytes }: ObjectInfo,
  wish: { readonly part: GridPart; readonly buffer: Buffer; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { part, buffer, signal } = wish;
  if (sizeBytes === 0) return buffer.subarray(0, 0);
  const range = { start: part.start, end: part.end };
  const wanted = part.end - part.start;
  const into = buffer.subarray(0, wanted);
  const { body } = await store.get(key, { range, ifMatch: etag, signal, into });
  let filled = 0;
  for await (const chunk of body) {
    if (filled + chunk.byteLength > wanted) break;
    if (!isInPlace(chunk, into, filled)) into.set(chunk, filled);
    filled += chunk.byteLength;
  }
  if (filled === wanted) return into;
  throw new StoreError('transient', `the range of ${key} at ${part.start} came with a wrong length`, { key });
}

/** Whether the store has put these bytes where they belong already. */
function isInPlace(chunk: Uint8Array, into: Uint8Array, position: number): boolean {
  return chunk.buffer === into.buffer && chunk.byteOffset === into.byteOffset + position;
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, written, bytes.byteLength - written, position + written);
    written += bytesWritten;
  }
}
