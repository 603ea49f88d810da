import { inParallel } from '@runctl/core';
import { crc32Of } from '../port/crc32.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from '../port/object-store.ts';
import { BufferPool } from './buffer-pool.ts';
import { OpenFile } from './open-file.ts';
import { type GridPart, partGrid } from '../parts/part-grid.ts';
import type { FileTransferOptions, TransferredPart } from './put-file.ts';

/**
 * A part that stands in the file. Its CRC-32 is held against the one that S3 or a manifest has: what that must find are
 * accidents of wires, memories and disks, one in four thousand million of which it would miss, and a SHA-256 of every part
 * is a third of a download's CPU (docs/figures.md).
 */
export type FetchedPart = Pick<TransferredPart, 'partNumber' | 'sizeBytes' | 'crc32'>;

export interface GetFileResult {
  readonly info: ObjectInfo;
  readonly parts: readonly FetchedPart[];
}

/** An object and the file that it becomes. */
export interface GetFileRequest extends FileTransferOptions {
  readonly key: string;
  readonly path: string;
  /** The version to fetch, where the caller knows it already. */
  readonly info?: ObjectInfo;
  /** Parts that stand in the file already and were verified; the file then exists and is gone on with. */
  readonly known?: ReadonlyMap<number, FetchedPart>;
  /** Called for each part that is written. */
  onPart?(part: FetchedPart): Promise<void>;
}

const DEFAULT_CONCURRENCY = 8;

/**
 * Downloads one version of an object in parallel ranges into a file that must not exist yet; with `known` it must, and is
 * gone on with. What is left of it after a failure is the caller's to remove. Rejects with `missing`, and with
 * `precondition` when the object is replaced meanwhile. The caller compares the parts' checksums with what it expects.
 */
export async function getToFile(store: ObjectStore, request: GetFileRequest): Promise<GetFileResult> {
  const { key, path, signal } = request;
  const info = request.info ?? (await store.head(key, { signal }));
  if (info === null) throw new StoreError('missing', `no object ${key}`, { key });
  const file = await OpenFile.open(path, request.known === undefined ? 'wx' : 'r+');
  try {
    return { info, parts: await fetchParts(store, { file, info }, request) };
  } finally {
    await file.close();
  }
}

async function fetchParts(
  store: ObjectStore,
  to: { readonly file: OpenFile; readonly info: ObjectInfo },
  options: GetFileRequest,
): Promise<readonly FetchedPart[]> {
  const { file, info } = to;
  const grid = partGrid(info.sizeBytes, options.partSizeBytes);
  const fetchInto = async (part: GridPart, buffer: Buffer, signal: AbortSignal | undefined): Promise<FetchedPart> => {
    const body = await fetchPart(store, info, { part, buffer, signal });
    await file.writeAll(body, part.start);
    options.onProgress?.(body.byteLength);
    const written = { partNumber: part.partNumber, sizeBytes: body.byteLength, crc32: crc32Of(body) };
    await options.onPart?.(written);
    return written;
  };
  const [only] = grid.parts;
  if (only !== undefined && grid.parts.length === 1)
    return [options.known?.get(1) ?? (await fetchInto(only, Buffer.allocUnsafe(info.sizeBytes), options.signal))];
  const concurrency = Math.max(1, options.concurrency ?? DEFAULT_CONCURRENCY);
  const pool = new BufferPool(concurrency, grid.partSizeBytes);
  return inParallel(grid.parts, { concurrency, signal: options.signal }, async (part, signal) => {
    const there = options.known?.get(part.partNumber);
    if (there !== undefined) return there;
    const buffer = await pool.take(signal);
    try {
      return await fetchInto(part, buffer, signal);
    } finally {
      pool.give(buffer);
    }
  });
}

async function fetchPart(
  store: ObjectStore,
  { key, etag, sizeBytes }: ObjectInfo,
  wish: { readonly part: GridPart; readonly buffer: Buffer; readonly signal: AbortSignal | undefined },
): Promise<Buffer> {
  const { part, buffer, signal } = wish;
  if (sizeBytes === 0) return buffer.subarray(0, 0);
  const range = { start: part.start, end: part.end };
  const wanted = part.end - part.start;
  const into = buffer.subarray(0, wanted);
  const { body } = await store.get(key, { range, ifMatch: etag, signal, into });
  if (await fill(into, body)) return into;
  throw new StoreError('transient', `the range of ${key} at ${part.start} came with a wrong length`, { key });
}

/** Puts a body to its place, where the store has not done so; false when it has another length. */
export async function fill(into: Uint8Array, body: AsyncIterable<Uint8Array>): Promise<boolean> {
  let filled = 0;
  for await (const chunk of body) {
    if (filled + chunk.byteLength > into.byteLength) return false;
    if (!isInPlace(chunk, into, filled)) into.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return filled === into.byteLength;
}

/** Whether the store has put these bytes where they belong already. */
function isInPlace(chunk: Uint8Array, into: Uint8Array, position: number): boolean {
  return chunk.buffer === into.buffer && chunk.byteOffset === into.byteOffset + position;
}
