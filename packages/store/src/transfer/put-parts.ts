import { inParallel, unlessAborted } from '@runctl/core';
import { crc32Of } from '../port/crc32.ts';
import { abandonUpload, completeUpload } from '../parts/complete-upload.ts';
import {
  type CompletedPart,
  isStoreError,
  type MultipartUpload,
  type ObjectStore,
  type PartInfo,
} from '../port/object-store.ts';
import { compositeSha256, type ContentHashes, hashPart, type PartHashes } from './content-hash.ts';
import type { Lanes } from './lanes.ts';
import { type GridPart, partGrid } from '../parts/part-grid.ts';
import { knownPart } from './resume-upload.ts';

/** A part that the store has. */
export interface SentPart extends PartHashes {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Where the store has the bytes of a part already. */
export interface PartSource {
  readonly key: string;
  readonly start: number;
}

/** What happened to an upload, for a journal that outlives the process. */
export type PartUploadEvent =
  | { readonly type: 'opened'; readonly upload: MultipartUpload }
  | { readonly type: 'sent'; readonly upload: MultipartUpload; readonly part: SentPart }
  | { readonly type: 'closed'; readonly upload: MultipartUpload };

export interface PartUploadOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly lanes: Lanes;
  readonly partSizeBytes: number;
  /** A part with this content that can be copied inside the store, if there is one. */
  readonly equalPart?: (part: { readonly sha256: string; readonly sizeBytes: number }) => PartSource | null;
  /** Awaited, so that nothing is begun in the store that the journal does not know. */
  readonly onEvent?: (event: PartUploadEvent) => Promise<void> | void;
}

export interface SendRequest {
  /** Fills the buffer from `position`; resolves with the bytes that were there. */
  readonly read: (buffer: Buffer, position: number) => Promise<number>;
  /** How much of the file is there. */
  readonly sizeBytes: number;
  /** Also the last part, which may be short. Without it only full parts go. */
  readonly whole: boolean;
  /** Reads parts that were sent before as well, and sends those again that hold something else now. */
  readonly check: boolean;
  readonly signal: AbortSignal;
  /** Called with all bytes that the store has after each part. */
  readonly onProgress?: (sentBytes: number) => void;
}

/** An upload that another process has begun. */
export interface LeftUpload {
  readonly upload: MultipartUpload;
  readonly parts: readonly SentPart[];
  /** Parts that the store has and nobody noted: not sent again where their bytes are found to be the file's. */
  readonly unnoted?: readonly PartInfo[];
}

/** A part could not be read as far as the file was said to reach: it has shrunk. */
export class FileShrankError extends Error {}

/** The file has grown since its size was taken, so that its last part was sent as another. */
export class FileGrewError extends Error {}

/**
 * One object that goes up part by part, in any order, as often as its file asks: while it grows, again where it was
 * rewritten, and after a crash from where it was left. Nothing of it can be seen in the store before `complete`.
 */
export class PartUpload {
  readonly key: string;
  readonly partSizeBytes: number;
  readonly #options: PartUploadOptions;
  readonly #parts = new Map<number, SentPart>();
  readonly #unnoted = new Map<number, PartInfo>();
  #upload: MultipartUpload | null = null;
  #opening: Promise<MultipartUpload> | null = null;

  constructor(options: PartUploadOptions, left?: LeftUpload) {
    this.#options = options;
    this.key = options.key;
    this.partSizeBytes = options.partSizeBytes;
    this.#upload = left?.upload ?? null;
    for (const part of left?.parts ?? []) this.#parts.set(part.partNumber, part);
    for (const part of left?.unnoted ?? []) this.#unnoted.set(part.partNumber, part);
  }

  get sentBytes(): number {
    return Array.from(this.#parts.values()).reduce((sum, part) => sum + part.sizeBytes, 0);
  }

  /** Rejects with FileShrankError, with StoreError, or with the signal's reason; parts that are through stay. */
  async send(request: SendRequest): Promise<void> {
    const { sizeBytes, whole, check, signal } = request;
    const there = this.#gridOf(sizeBytes).filter((part) => whole || part.end - part.start === this.partSizeBytes);
    const unsent = there.filter((part) => !this.#has(part));
    // What is compared keeps the processor busy while the network takes what is sent.
    const parts = check ? [...unsent, ...there.filter((part) => this.#has(part))] : unsent;
    await inParallel(parts, { concurrency: this.#options.lanes.most, signal }, (part, stop) =>
      this.#options.lanes.run({ sizeBytes: this.partSizeBytes, signal: stop }, async (buffer, sentBytes) => {
        const body = await readPart(part, buffer, request);
        if (await this.#sendPart(part.partNumber, body, stop)) sentBytes(body.byteLength);
        request.onProgress?.(this.sentBytes);
      }),
    );
  }

  /**
   * Makes the object of the parts that a file of this size has; rejects with FileGrewError when not all are there. A second call after a lost answer
   * finds the first one's success.
   */
  async complete(sizeBytes: number, signal: AbortSignal): Promise<ContentHashes> {
    const parts = this.#gridOf(sizeBytes).map((part) => {
      const sent = this.#has(part) ? this.#parts.get(part.partNumber) : undefined;
      if (sent === undefined)
        throw new FileGrewError(`part ${part.partNumber} of ${this.key} was not sent as it should end`);
      return sent;
    });
    const upload = await this.#open(signal);
    const completed = parts.map(({ partNumber, etag, crc32 }) => ({ partNumber, etag, crc32 }));
    await completeUpload(this.#options.store, { upload, parts: completed, sizeBytes }, { signal });
    await this.#close(upload);
    return { sha256: compositeSha256(parts), parts: parts.map(({ crc32, sha256 }) => ({ crc32, sha256 })) };
  }

  /** Hashes of a file of this size, as far as they are known from sending. */
  hashes(sizeBytes: number): ContentHashes | null {
    const parts = this.#gridOf(sizeBytes).map((part) =>
      this.#has(part) ? this.#parts.get(part.partNumber) : undefined,
    );
    const known = parts.filter((part) => part !== undefined);
    if (known.length < parts.length) return null;
    return { sha256: compositeSha256(known), parts: known.map(({ crc32, sha256 }) => ({ crc32, sha256 })) };
  }

  /** Gives the upload up, as far as that is possible in a moment. Never rejects. */
  async abort(): Promise<void> {
    const upload = this.#upload ?? (await this.#opening?.catch(() => null)) ?? null;
    this.#parts.clear();
    this.#unnoted.clear();
    if (upload === null) return;
    await abandonUpload(this.#options.store, upload);
    await this.#close(upload);
  }

  #gridOf(sizeBytes: number): readonly GridPart[] {
    return partGrid(sizeBytes, this.partSizeBytes).parts;
  }

  #has({ partNumber, start, end }: GridPart): boolean {
    return this.#parts.get(partNumber)?.sizeBytes === end - start;
  }

  /** False when the store has it already, sent before or copied. */
  async #sendPart(partNumber: number, body: Buffer, signal: AbortSignal): Promise<boolean> {
    const before = this.#parts.get(partNumber);
    // What is looked for is a write to a part that was sent, which nobody makes so that its CRC stays the same.
    if (before?.sizeBytes === body.byteLength && before.crc32 === crc32Of(body)) return false;
    const hashes = hashPart(body);
    const upload = await this.#open(signal);
    const there =
      knownPart(this.#unnoted.get(partNumber), body, hashes.crc32) ??
      (await this.#copied({ upload, partNumber, sizeBytes: body.byteLength, hashes }, signal));
    // What is sent takes its place, arrived or not.
    this.#unnoted.delete(partNumber);
    const { etag } =
      there ?? (await this.#options.store.uploadPart(upload, { partNumber, body, crc32: hashes.crc32 }, { signal }));
    const part = { partNumber, sizeBytes: body.byteLength, etag, ...hashes };
    this.#parts.set(partNumber, part);
    await this.#options.onEvent?.({ type: 'sent', upload, part });
    return there === null;
  }

  /** Null when there is nothing to copy, or what lies there is not what was thought. */
  async #copied(
    to: {
      readonly upload: MultipartUpload;
      readonly partNumber: number;
      readonly sizeBytes: number;
      readonly hashes: PartHashes;
    },
    signal: AbortSignal,
  ): Promise<CompletedPart | null> {
    const { upload, partNumber, sizeBytes, hashes } = to;
    const source = this.#options.equalPart?.({ sha256: hashes.sha256, sizeBytes }) ?? null;
    if (source === null) return null;
    const range = { start: source.start, end: source.start + sizeBytes };
    try {
      const copied = await this.#options.store.copyPart(upload, { partNumber, from: source.key, range }, { signal });
      return copied.crc32 === null || copied.crc32 === hashes.crc32 ? copied : null;
    } catch (error) {
      if (isStoreError(error, 'missing', 'permanent', 'precondition')) return null;
      throw error;
    }
  }

  /** An abort does not wait for the store's answer, which is kept when it comes: else the upload would be left behind. */
  #open(signal: AbortSignal): Promise<MultipartUpload> {
    if (this.#upload !== null) return Promise.resolve(this.#upload);
    this.#opening ??= this.#create().finally(() => {
      this.#opening = null;
    });
    return unlessAborted(this.#opening, signal);
  }

  async #create(): Promise<MultipartUpload> {
    const upload = await this.#options.store.createMultipart(this.key);
    this.#upload = upload;
    await this.#options.onEvent?.({ type: 'opened', upload });
    return upload;
  }

  async #close(upload: MultipartUpload): Promise<void> {
    this.#upload = null;
    await this.#options.onEvent?.({ type: 'closed', upload });
  }
}

async function readPart({ start, end }: GridPart, buffer: Buffer, { read }: SendRequest): Promise<Buffer> {
  const wanted = end - start;
  let filled = 0;
  while (filled < wanted) {
    const bytesRead = await read(buffer.subarray(filled, wanted), start + filled);
    if (bytesRead === 0) throw new FileShrankError(`the file ends at ${start + filled} by now`);
    filled += bytesRead;
  }
  return buffer.subarray(0, wanted);
}
