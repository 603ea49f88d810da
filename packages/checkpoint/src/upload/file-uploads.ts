import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, unlessAborted } from '@runctl/core';
import {
  type ContentHashes,
  isStoreError,
  type Lanes,
  type LeftUpload,
  type ObjectStore,
  type PartGrid,
  partGrid,
  PartUpload,
} from '@runctl/store';
import type { HeldFile } from '../look/held-files.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { fileSeen, fingerprintOf, isGone } from '../look/scan.ts';
import type { DataPlace } from './data-places.ts';
import type { EqualParts } from './equal-parts.ts';
import type { UploadJournal } from '../contract/upload-journal.ts';
import { entryOf, type JournalledUpload } from './upload-journal.ts';

/** One file on its way into the bucket. Held open: its inode can't be given to another file, and rotation does no harm. */
export interface FileUpload {
  readonly inode: string;
  /** As last seen. */
  path: string;
  sizeBytes: number;
  place: DataPlace;
  key: string;
  readonly parts: PartUpload;
  readonly file: FileHandle;
  /** Fingerprint of the file when every part of it was last found to be as it was sent. */
  checkedAs: string | null;
  /** Set once the object stands. */
  object: { readonly fingerprint: string; readonly hashes: ContentHashes } | null;
  /** A pass publishes it now: nobody else may give it up. */
  held: boolean;
  /** Ends whatever is being done with it. */
  readonly stop: AbortController;
  /** Resolves when nothing is being done with it: one thing after the other. */
  busy: Promise<void>;
}

export interface FileUploadsOptions {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly clock: Clock;
  readonly lanes: Lanes;
  readonly journal: UploadJournal;
  /** See `PublisherOptions`. */
  readonly partSizeBytes?: number;
}

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

/** Files that go up in parts: some while they grow, some when they are published, all the same way. */
export class FileUploads {
  /** Where parts may be copied from; set with every look at what is durable. */
  equalParts: EqualParts = () => null;
  readonly #options: FileUploadsOptions;
  readonly #byInode = new Map<string, FileUpload>();
  #held: ReadonlySet<string> = new Set();

  constructor(options: FileUploadsOptions) {
    this.#options = options;
  }

  /** The parts of a file of this size. */
  gridOf(sizeBytes: number): PartGrid {
    return partGrid(sizeBytes, this.#options.partSizeBytes);
  }

  all(): readonly FileUpload[] {
    return Array.from(this.#byInode.values());
  }

  of(inode: string): FileUpload | null {
    return this.#byInode.get(inode) ?? null;
  }

  /** Until the next call these files' uploads belong to the pass that publishes them. */
  hold(inodes: ReadonlySet<string>): void {
    this.#held = inodes;
    for (const upload of this.#byInode.values()) upload.held = inodes.has(upload.inode);
  }

  /** Null when the file is gone or another one by now. Sends nothing yet. */
  async begin(seen: FileSeen, place: DataPlace): Promise<FileUpload | null> {
    const file = await this.#openSame(seen);
    if (file === null) return null;
    const { partSizeBytes } = this.gridOf(seen.sizeBytes);
    return this.#add({ seen, file, place, key: place.keyFor(seen.path), partSizeBytes });
  }

  /** Sends what the file has and the store has not. Rejects as `PartUpload.send` does. */
  async feed(upload: FileUpload, request: FeedRequest): Promise<void> {
    const before = upload.busy;
    const over = Promise.withResolvers<void>();
    upload.busy = before.then(() => over.promise);
    const signal = AbortSignal.any([request.signal, upload.stop.signal]);
    try {
      await unlessAborted(before, signal);
      if (request.ahead === true && (upload.held || upload.object !== null)) return;
      await this.#feed(upload, { ...request, signal });
    } finally {
      over.resolve();
    }
  }

  /**
   * Makes the object of a file that is complete, below `place`, out of what is there already. Rejects as
   * `PartUpload.send` does; what is through stays for the next try.
   */
  async bring(
    held: HeldFile,
    place: DataPlace,
    request: Pick<FeedRequest, 'signal' | 'onProgress'>,
  ): Promise<{ readonly key: string; readonly hashes: ContentHashes }> {
    for (let tries = 1; ; tries++) {
      const upload = await this.#uploadFor(held, place);
      try {
        const hashes = await this.#finish(upload, held, request);
        if (upload.place !== place) await this.#move(upload, place, { path: held.seen.path, signal: request.signal });
        return { key: upload.key, hashes };
      } catch (error) {
        // Aborted by somebody who took it for left behind, or deleted: what is gone is sent again.
        const lost = isSpoilt(error) || (upload.stop.signal.reason instanceof UploadGivenUp && !request.signal.aborted);
        if (!lost || tries > 1) throw error;
        await this.drop(upload);
      }
    }
  }

  /** Forgets an upload without touching its object: a manifest names it now. What was not made an object is given up. */
  async release(upload: FileUpload): Promise<void> {
    if (upload.object === null) return this.drop(upload);
    if (this.#byInode.get(upload.inode) === upload) this.#byInode.delete(upload.inode);
    await upload.busy;
    await upload.file.close().catch(() => {});
  }

  /** Gives an upload up; what of it stands in the store is removed, as far as that is possible in a moment. Never rejects. */
  async drop(upload: FileUpload): Promise<void> {
    if (this.#byInode.get(upload.inode) === upload) this.#byInode.delete(upload.inode);
    upload.stop.abort(new UploadGivenUp('the upload was given up'));
    await upload.busy;
    if (upload.object === null) await upload.parts.abort();
    else if (!upload.place.spent)
      await this.#options.store.delete([upload.key], { signal: AbortSignal.timeout(3000) }).catch(() => {});
    await upload.file.close().catch(() => {});
  }

  /**
   * Goes on with an upload that an agent left on this machine, with these parts, if its file is still there. What is in the
   * file now is compared with them before it counts.
   */
  async takeUp(left: JournalledUpload & LeftUpload, seen: FileSeen, place: DataPlace): Promise<boolean> {
    const file = await this.#openSame(seen);
    if (file === null) return false;
    const { key } = left.upload;
    place.reserve(key);
    this.#add({ seen, file, place, key, partSizeBytes: left.file.partSizeBytes, left });
    return true;
  }

  async #uploadFor(held: HeldFile, place: DataPlace): Promise<FileUpload> {
    const { seen } = held;
    const there = this.of(seen.inode);
    if (there !== null) {
      const usable =
        there.parts.partSizeBytes === this.gridOf(seen.sizeBytes).partSizeBytes &&
        (there.object === null || there.object.fingerprint === fingerprintOf(seen));
      if (usable) return there;
      await this.drop(there);
    }
    // By the descriptor that holds it: the script may have taken its name away.
    const file = await open(held.openPath, constants.O_RDONLY | constants.O_NONBLOCK);
    const { partSizeBytes } = this.gridOf(seen.sizeBytes);
    return this.#add({ seen, file, place, key: place.keyFor(seen.path), partSizeBytes });
  }

  async #finish(
    upload: FileUpload,
    { seen }: HeldFile,
    { signal, onProgress }: Pick<FeedRequest, 'signal' | 'onProgress'>,
  ): Promise<ContentHashes> {
    if (upload.object !== null) return upload.object.hashes;
    const fingerprint = fingerprintOf(seen);
    const progress = onProgress === undefined ? {} : { onProgress };
    await this.feed(upload, { whole: true, checkAs: fingerprint, signal, ...progress });
    const hashes = await upload.parts.complete(seen.sizeBytes, signal);
    upload.object = { fingerprint, hashes };
    return hashes;
  }

  /** To where its checkpoint is, when the guess at the beginning was wrong. */
  async #move(
    upload: FileUpload,
    place: DataPlace,
    { path, signal }: { readonly path: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const { store } = this.#options;
    const key = place.keyFor(path);
    await store.copy(upload.key, key, { signal });
    if (!upload.place.spent) await store.delete([upload.key], { signal }).catch(() => {});
    upload.key = key;
    upload.place = place;
  }

  async #feed(upload: FileUpload, request: FeedRequest): Promise<void> {
    const { checkAs, whole, signal, onProgress } = request;
    const unread = upload.parts.sentBytes === 0;
    const check = !unread && checkAs !== null && checkAs !== upload.checkedAs;
    const send = (sizeBytes: number): Promise<void> =>
      upload.parts.send({
        whole,
        check,
        signal,
        ...(onProgress === undefined ? {} : { onProgress }),
        sizeBytes,
        read: async (buffer, position) => (await upload.file.read(buffer, 0, buffer.byteLength, position)).bytesRead,
      });
    if (check) await this.#untilTimeTells(upload, signal);
    const before = await this.#look(upload);
    await send(before.sizeBytes);
    if (!whole) return this.#keepUp(upload, before.sizeBytes, send);
    if (!check && !unread) return;
    const after = await this.#look(upload);
    const settled = before.atMs - before.mtimeMs >= TIME_STEP_MS;
    upload.checkedAs = settled && after.fingerprint === before.fingerprint ? after.fingerprint : null;
  }

  /** A file that was written a moment ago could be written again at the same time, as far as its file system counts. */
  async #untilTimeTells(upload: FileUpload, signal: AbortSignal): Promise<void> {
    const { atMs, mtimeMs } = await this.#look(upload);
    const agedMs = atMs - mtimeMs;
    if (agedMs >= 0 && agedMs < TIME_STEP_MS) await this.#options.clock.sleep(TIME_STEP_MS - agedMs, signal);
  }

  /** Sends what a file has grown by while it was sent: until the next look at the folder the network would stand still. */
  async #keepUp(upload: FileUpload, sizeBytes: number, send: (sizeBytes: number) => Promise<void>): Promise<void> {
    const fullParts = (bytes: number): number => Math.trunc(bytes / upload.parts.partSizeBytes);
    for (let sentBytes = sizeBytes; !upload.held;) {
      const now = await this.#look(upload);
      if (fullParts(now.sizeBytes) <= fullParts(sentBytes)) return;
      await send(now.sizeBytes);
      sentBytes = now.sizeBytes;
    }
  }

  async #look({ file, path }: FileUpload) {
    const atMs = this.#options.clock.wallMs();
    const seen = fileSeen(path, await file.stat({ bigint: true }));
    return { atMs, fingerprint: fingerprintOf(seen), sizeBytes: seen.sizeBytes, mtimeMs: seen.mtimeMs };
  }

  async #openSame(seen: FileSeen): Promise<FileHandle | null> {
    try {
      const path = join(this.#options.folder, seen.path);
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      if (fileSeen(seen.path, await file.stat({ bigint: true })).inode === seen.inode) return file;
      await file.close();
      return null;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** Whoever came first stays: a look and a pass may begin with the same file. */
  #add(begun: {
    readonly seen: FileSeen;
    readonly file: FileHandle;
    readonly place: DataPlace;
    readonly key: string;
    readonly partSizeBytes: number;
    readonly left?: LeftUpload;
  }): FileUpload {
    const { seen, file, place, key, partSizeBytes } = begun;
    const { store, lanes, journal } = this.#options;
    const { inode, path, sizeBytes } = seen;
    const there = this.#byInode.get(inode);
    if (there !== undefined) {
      void file.close().catch(() => {});
      return there;
    }
    const noted = { inode, path, folder: place.folder, partSizeBytes };
    const parts = new PartUpload(
      {
        store,
        key,
        lanes,
        partSizeBytes,
        equalPart: (part) => this.equalParts(part),
        onEvent: (event) => journal.append(entryOf(event, noted)),
      },
      begun.left,
    );
    const stop = new AbortController();
    const state = { checkedAs: null, object: null, held: this.#held.has(inode), stop, busy: Promise.resolve() };
    const upload: FileUpload = { inode, path, sizeBytes, place, key, parts, file, ...state };
    this.#byInode.set(inode, upload);
    return upload;
  }
}

/** Somebody dropped the upload: what it had sent is gone. */
class UploadGivenUp extends Error {}

/** The upload is gone, or a part of it is not the one that was sent last: an earlier try of that landed late. */
function isSpoilt(error: unknown): boolean {
  return isStoreError(error, 'missing') || (isStoreError(error) && error.code === 'InvalidPart');
}
