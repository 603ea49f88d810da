import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, rmdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, messageOf } from '@runctl/core';
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
  type PutCondition,
  type PutOptions,
  type ReadResult,
  StoreError,
} from '../port/object-store.ts';
import { abortedError, checkParts, rangeWithin } from '../port/semantics.ts';
import { withKeyLock } from './key-lock.ts';
import { isMissing, openStored, readStored, type StoredFile, writeStored } from './object-file.ts';
import { objectPath } from './paths.ts';
import { UploadFolders } from './uploads.ts';
import { walkKeys } from './walk.ts';

export interface DirectoryStoreOptions {
  readonly root: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly minPartBytes?: number;
  /** Bytes reach the disk before a put resolves, so that a power cut can't undo it. On unless turned off. */
  readonly sync?: boolean;
}

/** What is read at once instead of keeping the file open for a reader. */
const EAGER_BYTES = 256 * 1024;

/**
 * A folder that several processes may use at once. Objects lie under `objects/`, each one file that is replaced by
 * rename under a lock of its key; `new/`, `locks/` and `uploads/` hold what is under way.
 */
export class DirectoryStore implements ObjectStore {
  readonly location: string;
  readonly #options: DirectoryStoreOptions;
  readonly #objects: string;
  readonly #new: string;
  readonly #locks: string;
  readonly #uploads: UploadFolders;

  constructor(options: DirectoryStoreOptions) {
    this.location = options.root;
    this.#options = options;
    this.#objects = join(options.root, 'objects');
    this.#new = join(options.root, 'new');
    this.#locks = join(options.root, 'locks');
    this.#uploads = new UploadFolders(join(options.root, 'uploads'));
  }

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ etag: string }> {
    return this.#guarded(key, options, async () => {
      assertKey(key);
      return this.#store(key, bodyChunks(body, key), { ...options, parts: 0 });
    });
  }

  get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.#guarded(key, options, async () => {
      const stored = await this.#open(key);
      try {
        if (options.ifMatch !== undefined && options.ifMatch !== stored.etag) throw changed(key);
        const range = rangeWithin(options.range, stored.sizeBytes, key);
        const eager = range.end - range.start <= EAGER_BYTES;
        const chunks = readStored(stored, range);
        const body = eager ? once(await collect(chunks)) : chunks;
        const checksum = options.checksum && options.range === undefined ? { crc32: stored.crc32 } : {};
        const info = infoOf(key, stored);
        return { info, body: this.#body(body, key, options), serverTimeMs: this.#nowMs(), ...checksum };
      } catch (error) {
        await stored.file.close();
        throw error;
      }
    });
  }

  head(key: string, options: HeadOptions = {}): Promise<HeadResult | null> {
    return this.#guarded(key, options, async () => {
      const stored = await openStored(objectPath(this.#objects, key));
      if (stored === null) return null;
      await stored.file.close();
      const checksum = options.checksum ? { crc32: stored.crc32 } : {};
      return { ...infoOf(key, stored), serverTimeMs: this.#nowMs(), ...checksum };
    });
  }

  async *list(options: ListOptions): AsyncIterable<ObjectInfo> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const key of this.#keys(options, options.startAfter)) {
      if (left <= 0) return;
      const info = await this.#guarded(key, options, () => this.#info(key));
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
      await this.#guarded(key, options, async () => {
        const path = objectPath(this.#objects, key);
        await this.#locked(key, () => rm(path, { force: true }));
        await this.#pruneFolders(dirname(path));
      });
    }
  }

  copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    return this.#guarded(to, options, async () => {
      assertKey(to);
      const stored = await this.#open(from);
      await this.#store(to, readStored(stored, { start: 0, end: stored.sizeBytes }), { ...options, parts: 0 });
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
      const completed = await this.#store(upload.key, this.#uploads.bytes(upload, numbers), {
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
      yield* walkKeys(this.#objects, prefix, startAfter);
    } catch (error) {
      throw storeError(error, null, signal);
    }
  }

  async #open(key: string): Promise<StoredFile> {
    const stored = await openStored(objectPath(this.#objects, key));
    if (stored === null) throw new StoreError('missing', `no object ${key}`, { key, code: 'NoSuchKey' });
    return stored;
  }

  async #info(key: string): Promise<ObjectInfo | null> {
    const stored = await openStored(objectPath(this.#objects, key));
    if (stored === null) return null;
    await stored.file.close();
    return infoOf(key, stored);
  }

  /** Writes the bytes aside, then puts them in place if the condition holds. */
  async #store(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options: PutOptions & { readonly parts: number },
  ): Promise<{ etag: string }> {
    await mkdir(this.#new, { recursive: true });
    const temporary = join(this.#new, randomUUID());
    try {
      const { etag } = await writeStored(temporary, chunks, {
        parts: options.parts,
        sync: this.#options.sync ?? true,
      });
      await this.#locked(key, async () => {
        if (options.signal?.aborted) throw abortedError(options.signal, key);
        await this.#check(key, options.when);
        const nowS = this.#nowMs() / 1000;
        await utimes(temporary, nowS, nowS);
        await this.#moveIn(temporary, objectPath(this.#objects, key));
      });
      return { etag };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #check(key: string, when: PutCondition | undefined): Promise<void> {
    if (when === undefined) return;
    const info = await this.#info(key);
    if ('absent' in when ? info !== null : info?.etag !== when.etag) throw changed(key);
  }

  /** A folder may be pruned by a delete between its making and the rename. */
  async #moveIn(temporary: string, path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      await mkdir(dirname(path), { recursive: true });
      try {
        return await rename(temporary, path);
      } catch (error) {
        if (!isMissing(error) || tries === 100) throw error;
      }
    }
  }

  async #pruneFolders(folder: string): Promise<void> {
    for (let path = folder; path.length > this.#objects.length; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        return;
      }
    }
  }

  async #locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    await mkdir(this.#locks, { recursive: true });
    return withKeyLock(this.#locks, key, work);
  }

  async *#body(chunks: AsyncIterable<Uint8Array>, key: string, { signal }: CallOptions): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        if (signal?.aborted) throw abortedError(signal, key);
        yield chunk;
      }
    } catch (error) {
      throw storeError(error, key, signal);
    }
  }

  async #guarded<T>(key: string | null, { signal }: CallOptions, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted) throw abortedError(signal, key);
    try {
      return await work();
    } catch (error) {
      throw storeError(error, key, signal);
    }
  }
}

function infoOf(key: string, { sizeBytes, etag, lastModifiedMs }: StoredFile): ObjectInfo {
  return { key, sizeBytes, etag, lastModifiedMs };
}

function changed(key: string): StoreError {
  return new StoreError('precondition', `${key} is not what was expected`, { key, code: 'PreconditionFailed' });
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

function storeError(error: unknown, key: string | null, signal: AbortSignal | undefined): StoreError {
  if (error instanceof StoreError) return error;
  if (signal?.aborted) return abortedError(signal, key);
  const code = (error as NodeJS.ErrnoException).code ?? null;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new StoreError(denied ? 'denied' : 'permanent', messageOf(error), { key, code, cause: error });
}
