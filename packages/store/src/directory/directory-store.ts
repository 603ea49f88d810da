import { join } from 'node:path';
import type { Clock } from '@runctl/core';
import { crc32Of } from '../port/crc32.ts';
import { assertKey, compareKeys, folderOf } from '../port/keys.ts';
import { bodyChunks, collect } from '../port/object-body.ts';
import {
  type ByteRange,
  type CallOptions,
  type CompletedPart,
  type CopiedObject,
  type CompleteOptions,
  type GetOptions,
  type HeadOptions,
  type HeadResult,
  type ListOptions,
  type MultipartUpload,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type OpenUpload,
  type PartInfo,
  type PutOptions,
  type ReadResult,
  StoreError,
} from '../port/object-store.ts';
import { abortedError, checkParts, rangeWithin } from '../port/semantics.ts';
import { diskError } from './disk-error.ts';
import { readStored, type StoredFile } from './object-file.ts';
import { changedObject, storedInfo, ObjectFolder } from './object-folder.ts';
import { UploadFolders } from './uploads.ts';

export interface DirectoryStoreOptions {
  readonly root: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly minPartBytes?: number;
  /** Bytes reach the disk before a put resolves, so that a power cut can't undo it. On unless turned off. */
  readonly sync?: boolean;
}

/** What is read at once instead of keeping the file open for a reader. */
const EAGER_BYTES = 256 * 1024;

/** A folder that several processes may use at once: an `ObjectFolder`, and `uploads/` for what is under way in parts. */
export class DirectoryStore implements ObjectStore {
  readonly location: string;
  readonly #options: DirectoryStoreOptions;
  readonly #objects: ObjectFolder;
  readonly #uploads: UploadFolders;

  constructor(options: DirectoryStoreOptions) {
    this.location = options.root;
    this.#options = options;
    this.#objects = new ObjectFolder({
      root: options.root,
      nowMs: () => this.#nowMs(),
      sync: options.sync ?? true,
    });
    this.#uploads = new UploadFolders(join(options.root, 'uploads'));
  }

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ etag: string }> {
    return this.#guarded(key, options, async () => {
      assertKey(key);
      return this.#objects.write(key, bodyChunks(body, key), { ...options, parts: 0 });
    });
  }

  get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.#guarded(key, options, async () => {
      const stored = await this.#open(key);
      try {
        if (options.ifMatch !== undefined && options.ifMatch !== stored.etag) throw changedObject(key);
        const range = rangeWithin(options.range, stored.sizeBytes, key);
        const eager = range.end - range.start <= EAGER_BYTES;
        const chunks = readStored(stored, range);
        const body = eager ? once(await collect(chunks)) : chunks;
        const checksum = options.checksum && options.range === undefined ? { crc32: stored.crc32 } : {};
        const info = storedInfo(key, stored);
        return { info, body: this.#body(body, key, options), serverTimeMs: this.#nowMs(), ...checksum };
      } catch (error) {
        await stored.file.close();
        throw error;
      }
    });
  }

  head(key: string, options: HeadOptions = {}): Promise<HeadResult | null> {
    return this.#guarded(key, options, async () => {
      const stored = await this.#objects.open(key);
      if (stored === null) return null;
      await stored.file.close();
      const checksum = options.checksum ? { crc32: stored.crc32 } : {};
      return { ...storedInfo(key, stored), serverTimeMs: this.#nowMs(), ...checksum };
    });
  }

  async *list(options: ListOptions): AsyncIterable<ObjectInfo> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const key of this.#keys(options, options.startAfter)) {
      if (left <= 0) return;
      const info = await this.#guarded(key, options, () => this.#objects.info(key));
      if (info === null) continue;
      yield info;
      left--;
    }
  }

  async *listFolders(options: ListOptions): AsyncIterable<string> {
    const { prefix, startAfter } = options;
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let last: string | null = null;
    for await (const key of this.#keys(options, startAfter)) {
      const folder = folderOf(key, prefix);
      if (folder === null || folder === last) continue;
      if (startAfter !== undefined && compareKeys(folder, startAfter) <= 0) continue;
      if (left-- <= 0) return;
      last = folder;
      yield folder;
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) {
      await this.#guarded(key, options, () => this.#objects.remove(key));
    }
  }

  copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    return this.#guarded(to, options, async () => {
      assertKey(to);
      const stored = await this.#open(from);
      await this.#objects.write(to, readStored(stored, { start: 0, end: stored.sizeBytes }), { ...options, parts: 0 });
      return { crc32: null };
    });
  }

  createMultipart(key: string, options: CallOptions = {}): Promise<MultipartUpload> {
    return this.#guarded(key, options, async () => {
      assertKey(key);
      return this.#uploads.create(key, this.#nowMs());
    });
  }

  uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const { key } = upload;
    return this.#guarded(key, options, async () => {
      if (part.crc32 !== undefined && part.crc32 !== crc32Of(part.body)) {
        throw new StoreError('transient', `part ${part.partNumber} arrived damaged`, { key, code: 'BadDigest' });
      }
      const { partNumber, etag, crc32 } = await this.#uploads.putPart(upload, part.partNumber, once(part.body));
      return { partNumber, etag, crc32 };
    });
  }

  async copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const { body } = await this.get(part.from, { ...options, range: part.range, ifMatch: part.ifMatch });
    return this.#guarded(upload.key, options, async () => {
      const { partNumber, etag, crc32 } = await this.#uploads.putPart(upload, part.partNumber, body);
      return { partNumber, etag, crc32 };
    });
  }

  completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options: CompleteOptions = {},
  ): Promise<{ etag: string }> {
    return this.#guarded(upload.key, options, async () => {
      const uploaded = new Map((await this.#uploads.parts(upload)).map((part) => [part.partNumber, part]));
      const minPartBytes = this.#options.minPartBytes ?? 5 * 1024 * 1024;
      checkParts(upload, { listed: parts, uploaded, minPartBytes, sizeBytes: options.sizeBytes });
      const numbers = parts.map((part) => part.partNumber);
      const completed = await this.#objects.write(upload.key, this.#uploads.bytes(upload, numbers), {
        ...options,
        parts: parts.length,
      });
      await this.#uploads.remove(upload);
      return completed;
    });
  }

  abortMultipart(upload: MultipartUpload, options: CallOptions = {}): Promise<void> {
    return this.#guarded(upload.key, options, () => this.#uploads.remove(upload));
  }

  async *listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    yield* await this.#guarded(upload.key, options, () => this.#uploads.parts(upload));
  }

  async *listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    yield* await this.#guarded(null, options, () => this.#uploads.list(options.prefix));
  }

  #nowMs(): number {
    return Math.round(this.#options.clock.wallMs());
  }

  async *#keys({ prefix, signal }: ListOptions, startAfter: string | undefined): AsyncIterable<string> {
    try {
      yield* this.#objects.keys(prefix, startAfter);
    } catch (error) {
      throw diskError(error, null, signal);
    }
  }

  async #open(key: string): Promise<StoredFile> {
    const stored = await this.#objects.open(key);
    if (stored === null) throw new StoreError('missing', `no object ${key}`, { key, code: 'NoSuchKey' });
    return stored;
  }

  async *#body(chunks: AsyncIterable<Uint8Array>, key: string, { signal }: CallOptions): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        if (signal?.aborted) throw abortedError(signal, key);
        yield chunk;
      }
    } catch (error) {
      throw diskError(error, key, signal);
    }
  }

  async #guarded<T>(key: string | null, { signal }: CallOptions, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted) throw abortedError(signal, key);
    try {
      return await work();
    } catch (error) {
      throw diskError(error, key, signal);
    }
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
