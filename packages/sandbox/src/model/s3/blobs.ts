import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, unlink } from 'node:fs';
import { link, open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A run of an object's bytes: a whole file of the blob folder. An object of several parts has several. */
export interface Segment {
  readonly blob: string;
  readonly sizeBytes: number;
}

/** Bytes are gathered up to this size before they are written, so that a 64 KiB read does not cost a system call each. */
const WRITE_BYTES = 1 << 20;
const SMALL_BYTES = 128 * 1024;

/**
 * Immutable files named by random ids. A file is written before any record names it, so a crash can only leave files
 * that nothing names; `sweep` removes those at the next start.
 */
export class BlobFolder {
  readonly #folder: string;
  readonly #readers = new Map<string, number>();
  readonly #doomed = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  #path(blob: string): string {
    return join(this.#folder, blob);
  }

  /** Writes all of `source` into a new file; on any failure the file is gone again and the error is thrown. */
  async write(source: AsyncIterable<Buffer>): Promise<Segment> {
    const blob = randomBytes(16).toString('hex');
    const file = await open(this.#path(blob), 'wx');
    let sizeBytes: number;
    try {
      sizeBytes = await writeAll(file, source);
    } catch (error) {
      await file.close();
      this.remove([blob]);
      throw error;
    }
    await file.close();
    return { blob, sizeBytes };
  }

  /** The same bytes under new names of their own, without copying them. */
  async duplicate(segments: readonly Segment[]): Promise<Segment[]> {
    const copies: Segment[] = [];
    try {
      for (const { blob, sizeBytes } of segments) {
        const copy = randomBytes(16).toString('hex');
        await link(this.#path(blob), this.#path(copy));
        copies.push({ blob: copy, sizeBytes });
      }
    } catch (error) {
      this.remove(copies.map(({ blob }) => blob));
      throw error;
    }
    return copies;
  }

  /**
   * Opens the bytes `start` (inclusive) to `end` (exclusive) of the segments put together. The files stay readable until
   * the reader is closed, even if they are removed meanwhile.
   */
  read(segments: readonly Segment[], start: number, end: number): BlobReader {
    const pieces = piecesOf(segments, start, end);
    for (const { blob } of pieces) this.#readers.set(blob, (this.#readers.get(blob) ?? 0) + 1);
    let open = true;
    return {
      sizeBytes: end - start,
      chunks: () => this.#stream(pieces),
      close: () => {
        if (open) for (const { blob } of pieces) this.#release(blob);
        open = false;
      },
    };
  }

  async *#stream(pieces: readonly Piece[]): AsyncGenerator<Buffer> {
    for (const { blob, start, end, whole } of pieces) {
      if (whole && end <= SMALL_BYTES) yield await readFile(this.#path(blob));
      else {
        const options = { start, end: end - 1, highWaterMark: WRITE_BYTES };
        for await (const chunk of createReadStream(this.#path(blob), options)) yield chunk as Buffer;
      }
    }
  }

  #release(blob: string): void {
    const left = (this.#readers.get(blob) ?? 1) - 1;
    if (left > 0) return void this.#readers.set(blob, left);
    this.#readers.delete(blob);
    if (this.#doomed.delete(blob)) this.remove([blob]);
  }

  /**
   * Removes files soon, or when their last reader is done. Nobody waits for it, since freeing gigabytes takes a while;
   * what cannot be removed now falls to the next start.
   */
  remove(blobs: readonly string[]): void {
    for (const blob of blobs)
      if (this.#readers.has(blob)) this.#doomed.add(blob);
      else unlink(this.#path(blob), () => undefined);
  }

  /** Removes every file that `named` does not contain. Only for the start, before any request. */
  sweep(named: ReadonlySet<string>): void {
    for (const blob of readdirSync(this.#folder)) if (!named.has(blob)) rmSync(this.#path(blob));
  }
}

/** Bytes that are held readable until `close`, which may be called more than once and must be called once. */
export interface BlobReader {
  readonly sizeBytes: number;
  chunks(): AsyncGenerator<Buffer>;
  close(): void;
}

interface Piece {
  readonly blob: string;
  readonly start: number;
  readonly end: number;
  readonly whole: boolean;
}

function piecesOf(segments: readonly Segment[], start: number, end: number): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  for (const { blob, sizeBytes } of segments) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, sizeBytes);
    if (from < to) pieces.push({ blob, start: from, end: to, whole: from === 0 && to === sizeBytes });
    offset += sizeBytes;
  }
  return pieces;
}

async function writeAll(file: FileHandle, source: AsyncIterable<Buffer>): Promise<number> {
  let sizeBytes = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  // One write runs while the next buffers are received and hashed.
  let writing: Promise<void> = Promise.resolve();
  const flush = async () => {
    await writing;
    writing = writeBuffers(file, waiting);
    // The failure is seen by the next flush; without this it would count as unhandled until then.
    writing.catch(() => undefined);
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WRITE_BYTES) await flush();
    }
    if (waiting.length > 0) await flush();
  } finally {
    await writing;
  }
  return sizeBytes;
}

async function writeBuffers(file: FileHandle, buffers: Buffer[]): Promise<void> {
  const wanted = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  const { bytesWritten } = await file.writev(buffers);
  if (bytesWritten === wanted) return;
  const rest = Buffer.concat(buffers).subarray(bytesWritten);
  await file.writeFile(rest);
}
