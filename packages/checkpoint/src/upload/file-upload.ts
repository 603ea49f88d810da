import type { FileHandle } from 'node:fs/promises';
import { type Clock, unlessAborted } from '@runctl/core';
import type { ContentHashes, PartUpload } from '@runctl/store';
import type { FileSeen } from '../contract/recogniser.ts';
import { fileSeen, fingerprintOf } from '../look/scan.ts';
import type { DataPlace } from './data-places.ts';

export interface FeedRequest {
  /** Nobody waits for it: left alone once a pass has the file, or its object stands. */
  readonly ahead?: boolean;
  readonly whole: boolean;
  /** What was sent before is compared, unless it was when the file had this fingerprint; null: nothing is. */
  readonly checkAs: string | null;
  readonly signal: AbortSignal;
  readonly onProgress?: (sentBytes: number) => void;
}

/** A file of this time of writing may be written again without a trace: file systems count in steps (4 ms on ext4). */
const TIME_STEP_MS = 20;

export interface FileUploadOptions {
  /** As a look found the file that `file` holds open. */
  readonly version: FileSeen;
  readonly file: FileHandle;
  readonly parts: PartUpload;
  readonly place: DataPlace;
  readonly key: string;
  readonly held: boolean;
  readonly clock: Clock;
}

/** One file on its way into the bucket. Held open: its inode can't be given to another file, and rotation does no harm. */
export class FileUpload {
  readonly inode: string;
  /** As last seen. */
  path: string;
  sizeBytes: number;
  place: DataPlace;
  key: string;
  readonly parts: PartUpload;
  readonly file: FileHandle;
  /** Fingerprint of the file when every part of it was last found to be as it was sent. */
  checkedAs: string | null = null;
  /** Set once the object stands. */
  object: { readonly fingerprint: string; readonly hashes: ContentHashes } | null = null;
  /** A pass publishes it now: nobody else may give it up. */
  held: boolean;
  /** Ends whatever is being done with it. */
  readonly stop = new AbortController();
  readonly #clock: Clock;
  /** Resolves when nothing is being done with it: one thing after the other. */
  #busy: Promise<void> = Promise.resolve();

  constructor({ version, file, parts, place, key, held, clock }: FileUploadOptions) {
    this.inode = version.inode;
    this.path = version.path;
    this.sizeBytes = version.sizeBytes;
    this.place = place;
    this.key = key;
    this.parts = parts;
    this.file = file;
    this.held = held;
    this.#clock = clock;
  }

  /** Resolves when nothing is being done with it. */
  get idle(): Promise<void> {
    return this.#busy;
  }

  /** Sends what the file has and the store has not. Rejects as `PartUpload.send` does. */
  async feed(request: FeedRequest): Promise<void> {
    const before = this.#busy;
    const over = Promise.withResolvers<void>();
    this.#busy = before.then(() => over.promise);
    const signal = AbortSignal.any([request.signal, this.stop.signal]);
    try {
      await unlessAborted(before, signal);
      if (request.ahead === true && (this.held || this.object !== null)) return;
      await this.#feed({ ...request, signal });
    } finally {
      over.resolve();
    }
  }

  /** Makes the object of the whole file, which is complete now. Rejects as `PartUpload.send` does. */
  async complete(
    version: FileSeen,
    { signal, onProgress }: Pick<FeedRequest, 'signal' | 'onProgress'>,
  ): Promise<ContentHashes> {
    if (this.object !== null) return this.object.hashes;
    const fingerprint = fingerprintOf(version);
    const progress = onProgress === undefined ? {} : { onProgress };
    await this.feed({ whole: true, checkAs: fingerprint, signal, ...progress });
    const hashes = await this.parts.complete(version.sizeBytes, signal);
    this.object = { fingerprint, hashes };
    return hashes;
  }

  async #feed(request: FeedRequest): Promise<void> {
    const { checkAs, whole, signal, onProgress } = request;
    const unread = this.parts.sentBytes === 0;
    const check = !unread && checkAs !== null && checkAs !== this.checkedAs;
    const send = (sizeBytes: number): Promise<void> =>
      this.parts.send({
        whole,
        check,
        signal,
        ...(onProgress === undefined ? {} : { onProgress }),
        sizeBytes,
        read: async (buffer, position) => (await this.file.read(buffer, 0, buffer.byteLength, position)).bytesRead,
      });
    if (check) await this.#untilTimeTells(signal);
    const before = await this.#stat();
    await send(before.sizeBytes);
    if (!whole) return this.#keepUp(before.sizeBytes, send);
    if (!check && !unread) return;
    const after = await this.#stat();
    const settled = before.atMs - before.mtimeMs >= TIME_STEP_MS;
    this.checkedAs = settled && after.fingerprint === before.fingerprint ? after.fingerprint : null;
  }

  /** A file that was written a moment ago could be written again at the same time, as far as its file system counts. */
  async #untilTimeTells(signal: AbortSignal): Promise<void> {
    const { atMs, mtimeMs } = await this.#stat();
    const agedMs = atMs - mtimeMs;
    if (agedMs >= 0 && agedMs < TIME_STEP_MS) await this.#clock.sleep(TIME_STEP_MS - agedMs, signal);
  }

  /** Sends what a file has grown by while it was sent: until the next look at the folder the network would stand still. */
  async #keepUp(sizeBytes: number, send: (sizeBytes: number) => Promise<void>): Promise<void> {
    const fullParts = (bytes: number): number => Math.trunc(bytes / this.parts.partSizeBytes);
    for (let sentBytes = sizeBytes; !this.held;) {
      const now = await this.#stat();
      if (fullParts(now.sizeBytes) <= fullParts(sentBytes)) return;
      await send(now.sizeBytes);
      sentBytes = now.sizeBytes;
    }
  }

  async #stat() {
    const atMs = this.#clock.wallMs();
    const version = fileSeen(this.path, await this.file.stat({ bigint: true }));
    return { atMs, fingerprint: fingerprintOf(version), sizeBytes: version.sizeBytes, mtimeMs: version.mtimeMs };
  }
}
