import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@runctl/core';
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
import { copyChecked, piecesOf } from './checked-copy.ts';
import type { DataPlace } from './data-places.ts';
import type { EqualParts } from './equal-parts.ts';
import { type FeedRequest, FileUpload } from './file-upload.ts';
import type { UploadJournal } from '../contract/upload-journal.ts';
import { entryOf, type JournalledUpload } from './upload-journal.ts';

export interface FileUploadsOptions {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly clock: Clock;
  readonly lanes: Lanes;
  readonly journal: UploadJournal;
  /** See `PublisherOptions`. */
  readonly partSizeBytes?: number;
}

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
  async begin(version: FileSeen, place: DataPlace): Promise<FileUpload | null> {
    const file = await this.#openSame(version);
    if (file === null) return null;
    const { partSizeBytes } = this.gridOf(version.sizeBytes);
    return this.#add({ version, file, place, key: place.keyFor(version.path), partSizeBytes });
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
        const hashes = await upload.complete(held.version, request);
        if (upload.place !== place) await this.#move(upload, hashes, { place, held, signal: request.signal });
        return { key: upload.key, hashes };
      } catch (error) {
        // Aborted by somebody who took it for left behind, deleted or damaged: the bytes are sent again.
        const lost =
          error instanceof ObjectChanged ||
          isSpoilt(error) ||
          (upload.stop.signal.reason instanceof UploadGivenUp && !request.signal.aborted);
        if (!lost || tries > 1) throw error;
        await this.drop(upload);
      }
    }
  }

  /** Forgets an upload without touching its object: a manifest names it now. What was not made an object is given up. */
  async release(upload: FileUpload): Promise<void> {
    if (upload.object === null) return this.drop(upload);
    if (this.#byInode.get(upload.inode) === upload) this.#byInode.delete(upload.inode);
    await upload.idle;
    await upload.file.close().catch(() => {});
  }

  /** Gives an upload up; what of it stands in the store is removed, as far as that is possible in a moment. Never rejects. */
  async drop(upload: FileUpload): Promise<void> {
    if (this.#byInode.get(upload.inode) === upload) this.#byInode.delete(upload.inode);
    upload.stop.abort(new UploadGivenUp('the upload was given up'));
    await upload.idle;
    if (upload.object === null) await upload.parts.abort();
    else if (!upload.place.spent)
      await this.#options.store.delete([upload.key], { signal: AbortSignal.timeout(3000) }).catch(() => {});
    await upload.file.close().catch(() => {});
  }

  /**
   * Goes on with an upload that an agent left on this machine, with these parts, if its file is still there. What is in the
   * file now is compared with them before it counts.
   */
  async takeUp(journalled: JournalledUpload & LeftUpload, version: FileSeen, place: DataPlace): Promise<boolean> {
    const file = await this.#openSame(version);
    if (file === null) return false;
    const { key } = journalled.upload;
    place.reserve(key);
    this.#add({ version, file, place, key, partSizeBytes: journalled.file.partSizeBytes, journalled });
    return true;
  }

  async #uploadFor(held: HeldFile, place: DataPlace): Promise<FileUpload> {
    const { version } = held;
    const there = this.of(version.inode);
    if (there !== null) {
      const usable =
        there.parts.partSizeBytes === this.gridOf(version.sizeBytes).partSizeBytes &&
        (there.object === null || there.object.fingerprint === fingerprintOf(version));
      if (usable) return there;
      await this.drop(there);
    }
    // By the descriptor that holds it: the script may have taken its name away.
    const file = await open(held.openPath, constants.O_RDONLY | constants.O_NONBLOCK);
    const { partSizeBytes } = this.gridOf(version.sizeBytes);
    return this.#add({ version, file, place, key: place.keyFor(version.path), partSizeBytes });
  }

  /**
   * To where its checkpoint is, when the guess at the beginning was wrong. Rejects with ObjectChanged when the copy is
   * not what was sent.
   */
  async #move(
    upload: FileUpload,
    { parts }: ContentHashes,
    { place, held, signal }: { readonly place: DataPlace; readonly held: HeldFile; readonly signal: AbortSignal },
  ): Promise<void> {
    const { store } = this.#options;
    const { path, sizeBytes } = held.version;
    const key = place.keyFor(path);
    const crcs = parts.map((part) => part.crc32);
    const pieces = piecesOf(sizeBytes, upload.parts.partSizeBytes, crcs);
    if (!(await copyChecked({ from: upload.key, to: key, pieces }, { store, signal })))
      throw new ObjectChanged(`${upload.key} is not what was sent there`);
    if (!upload.place.spent) await store.delete([upload.key], { signal }).catch(() => {});
    upload.key = key;
    upload.place = place;
  }

  async #openSame(version: FileSeen): Promise<FileHandle | null> {
    try {
      const path = join(this.#options.folder, version.path);
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      if (fileSeen(version.path, await file.stat({ bigint: true })).inode === version.inode) return file;
      await file.close();
      return null;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** Whoever came first stays: a look and a pass may begin with the same file. */
  #add(begun: {
    readonly version: FileSeen;
    readonly file: FileHandle;
    readonly place: DataPlace;
    readonly key: string;
    readonly partSizeBytes: number;
    readonly journalled?: LeftUpload;
  }): FileUpload {
    const { version, file, place, key, partSizeBytes } = begun;
    const { clock, store, lanes, journal } = this.#options;
    const { inode, path } = version;
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
      begun.journalled,
    );
    const upload = new FileUpload({ version, file, parts, place, key, held: this.#held.has(inode), clock });
    this.#byInode.set(inode, upload);
    return upload;
  }
}

/** Somebody dropped the upload: what it had sent is gone. */
class UploadGivenUp extends Error {}

/** The object is gone, or was changed behind this machine's back. */
class ObjectChanged extends Error {}

/** The upload is gone, or a part of it is not the one that was sent last: an earlier try of that landed late. */
function isSpoilt(error: unknown): boolean {
  return isStoreError(error, 'missing') || (isStoreError(error) && error.code === 'InvalidPart');
}
