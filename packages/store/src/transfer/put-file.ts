import { inParallel } from '@runctl/core';
import { PART_SIZE_BYTES } from '@runctl/protocol';
import { abandonUpload, completeUpload } from '../parts/complete-upload.ts';
import { crc32Of } from '../port/crc32.ts';
import type { CallOptions, CompletedPart, ObjectStore } from '../port/object-store.ts';
import { BufferPool } from './buffer-pool.ts';
import { compositeSha256, hashPart, type PartHashes } from './content-hash.ts';
import { FileChangedError, type FileIdentity, fileIdentityAt, sameFile } from './file-identity.ts';
import { OpenFile } from './open-file.ts';
import { type GridPart, partGrid } from '../parts/part-grid.ts';
import { knownPart, openUpload } from './resume-upload.ts';
import { SMALL_FILE_BYTES, type SmallFiles, type WholeFile } from './small-files.ts';

export interface FileTransferOptions extends CallOptions {
  readonly partSizeBytes?: number;
  /** Parts under way at once, and buffers of a part's size in memory. */
  readonly concurrency?: number;
  /** Called with the bytes of each part that is through. */
  readonly onProgress?: (bytes: number) => void;
}

/** A file and the object that it becomes. The path may be a link made to protect the file from deletion. */
export interface PutFileRequest extends FileTransferOptions {
  readonly key: string;
  readonly path: string;
  /**
   * Goes on with an upload of this key that was cut off, and leaves its own open when it is cut off. What an earlier one
   * left is used part by part, where it holds the same bytes.
   */
  readonly resumable?: boolean;
  /** False leaves the SHA-256 empty: a third of an upload's CPU, for who keeps no manifest. S3 compares the CRCs anyway. */
  readonly sha256?: boolean;
  /** Threads that read small files; for who sends a great many. */
  readonly files?: SmallFiles | undefined;
  /** Called with the bytes of each part that an earlier upload had sent already. */
  readonly onKnown?: (bytes: number) => void;
}

export interface TransferredPart extends PartHashes {
  readonly partNumber: number;
  readonly sizeBytes: number;
}

export interface PutFileResult {
  readonly etag: string;
  readonly sizeBytes: number;
  /** Of the whole file, see `compositeSha256`. */
  readonly sha256: string;
  /** By the part grid of the size, also where the file went up in one put. */
  readonly parts: readonly TransferredPart[];
  /** The file when reading began, and what its path named when reading had ended: compare with `sameFile`. */
  readonly before: FileIdentity;
  readonly after: FileIdentity | null;
}

const DEFAULT_CONCURRENCY = 8;

/**
 * Uploads a file in parts that are read once, in order, into reused buffers. Rejects with FileChangedError, and leaves no
 * object, when the file turns out shorter or longer than it was at the start, and with StoreError for the store's
 * failures.
 */
export async function putFile(store: ObjectStore, request: PutFileRequest): Promise<PutFileResult> {
  const { path } = request;
  const most = Math.min(SMALL_FILE_BYTES, request.partSizeBytes ?? PART_SIZE_BYTES);
  const small = request.files === undefined ? null : await request.files.read(path, most);
  if (small !== null) return putSmall(store, small, request);
  const file = await OpenFile.open(path, 'r');
  try {
    const before = file.identity();
    const grid = partGrid(before.sizeBytes, request.partSizeBytes);
    const reader = new PartReader(file, before);
    const send = grid.parts.length === 1 ? putWhole : putInParts;
    const sent = await send(store, { ...request, reader, ...grid });
    const sha256 = compositeSha256(sent.parts);
    return { ...sent, sizeBytes: before.sizeBytes, sha256, before, after: await fileIdentityAt(path) };
  } finally {
    await file.close();
  }
}

async function putSmall(store: ObjectStore, file: WholeFile, request: PutFileRequest): Promise<PutFileResult> {
  const { path } = request;
  const { bytes, before } = file;
  const isWhole = bytes.byteLength === before.sizeBytes && sameFile(before, file.after);
  if (!isWhole) throw new FileChangedError(path, before, file.after);
  const sent = await putBytes(store, bytes, request);
  const after = (await request.files?.identityOf(path)) ?? null;
  return { ...sent, sizeBytes: bytes.byteLength, sha256: compositeSha256(sent.parts), before, after };
}

async function putBytes(store: ObjectStore, bytes: Uint8Array, request: PutFileRequest): Promise<Sent> {
  const hashes = hashesOf(bytes, request);
  const { etag } = await store.put(request.key, bytes, { crc32: hashes.crc32, signal: request.signal });
  request.onProgress?.(bytes.byteLength);
  return { etag, parts: [{ partNumber: 1, sizeBytes: bytes.byteLength, ...hashes }] };
}

interface Sending extends PutFileRequest {
  readonly reader: PartReader;
  readonly parts: readonly GridPart[];
  readonly partSizeBytes: number;
}

interface Sent {
  readonly etag: string;
  readonly parts: readonly TransferredPart[];
}

async function putWhole(store: ObjectStore, sending: Sending): Promise<Sent> {
  const part = sending.parts[0] ?? { partNumber: 1, start: 0, end: 0 };
  const body = await sending.reader.read(part, Buffer.allocUnsafeSlow(part.end - part.start));
  sending.reader.assertUnchanged();
  return putBytes(store, body, sending);
}

function hashesOf(body: Uint8Array, { sha256 = true }: PutFileRequest): PartHashes {
  return sha256 ? hashPart(body) : { crc32: crc32Of(body), sha256: '' };
}

async function putInParts(store: ObjectStore, sending: Sending): Promise<Sent> {
  const { key, reader, signal } = sending;
  const concurrency = Math.max(1, sending.concurrency ?? DEFAULT_CONCURRENCY);
  const pool = new BufferPool(concurrency, sending.partSizeBytes);
  const { upload, sent } = await openUpload(store, key, sending);
  const filled = async function* () {
    for (const part of sending.parts) {
      const buffer = await pool.take();
      const body = await reader.read(part, buffer);
      yield { part, buffer, body };
    }
  };
  try {
    const parts = await inParallel(filled(), { concurrency, signal }, async ({ part, buffer, body }, signal) => {
      try {
        const hashes = hashesOf(body, sending);
        const { crc32 } = hashes;
        const there = knownPart(sent.get(part.partNumber), body, crc32);
        const completed =
          there ?? (await store.uploadPart(upload, { partNumber: part.partNumber, body, crc32 }, { signal }));
        (there === null ? sending.onProgress : sending.onKnown)?.(body.byteLength);
        return { completed, done: { partNumber: part.partNumber, sizeBytes: body.byteLength, ...hashes } };
      } finally {
        pool.give(buffer);
      }
    });
    reader.assertUnchanged();
    const completed: CompletedPart[] = parts.map((part) => part.completed);
    const { etag } = await completeUpload(store, { upload, parts: completed, sizeBytes: reader.sizeBytes }, { signal });
    return { etag, parts: parts.map((part) => part.done) };
  } catch (error) {
    if (sending.resumable !== true || error instanceof FileChangedError) await abandonUpload(store, upload);
    throw error;
  }
}

/** Reads a file's parts, each once and in order. */
class PartReader {
  readonly sizeBytes: number;
  readonly #file: OpenFile;
  readonly #before: FileIdentity;

  constructor(file: OpenFile, before: FileIdentity) {
    this.#file = file;
    this.#before = before;
    this.sizeBytes = before.sizeBytes;
  }

  async read({ start, end }: GridPart, buffer: Buffer): Promise<Buffer> {
    const body = buffer.subarray(0, end - start);
    for (let filled = 0; filled < body.byteLength;) {
      const bytes = await this.#file.read(body.subarray(filled), start + filled);
      if (bytes === 0) this.#fail();
      filled += bytes;
    }
    return body;
  }

  assertUnchanged(): void {
    if (!sameFile(this.#before, this.#file.identity())) this.#fail();
  }

  #fail(): never {
    throw new FileChangedError(this.#file.path, this.#before, this.#file.identity());
  }
}
