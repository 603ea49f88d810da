import { createHash } from 'node:crypto';
import type { Clock } from '@runctl/core';
import { compositeCrc32, crc32Of } from '../port/crc32.ts';
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
import { MemoryUploads } from './memory-uploads.ts';

interface Stored {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly crc32: string;
}

/**
 * S3's behaviour over a map: for tests and simulations. Its time is the given clock's wall time, cut to whole seconds as
 * S3 cuts it; etags are S3's (MD5, so rewriting the same bytes keeps the etag).
 */
export class MemoryStore implements ObjectStore {
  readonly location = 'memory';
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #minPartBytes: number;
  readonly #objects = new Map<string, Stored>();
  readonly #uploads = new MemoryUploads();

  constructor(options: { readonly clock: Pick<Clock, 'wallMs'>; readonly minPartBytes?: number }) {
    this.#clock = options.clock;
    this.#minPartBytes = options.minPartBytes ?? 5 * 1024 * 1024;
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ etag: string }> {
    refuseAborted(options);
    assertKey(key);
    const bytes = Buffer.from(await collect(bodyChunks(body, key)));
    refuseAborted(options);
    this.#check(key, options.when);
    return this.#store(key, { bytes, etag: md5(bytes).toString('hex'), crc32: crc32Of(bytes) });
  }

  async get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    refuseAborted(options);
    const stored = this.#find(key);
    if (options.ifMatch !== undefined && options.ifMatch !== stored.etag) throw changed(key);
    const { start, end } = rangeWithin(options.range, stored.bytes.byteLength, key);
    const bytes = stored.bytes.subarray(start, end);
    return {
      info: infoOf(key, stored),
      body: chunked(bytes, options.signal, key),
      serverTimeMs: this.#nowMs(),
      ...(options.checksum && options.range === undefined ? { crc32: stored.crc32 } : {}),
    };
  }

  async head(key: string, options: HeadOptions = {}): Promise<HeadResult | null> {
    refuseAborted(options);
    const stored = this.#objects.get(key);
    if (stored === undefined) return null;
    const checksum = options.checksum ? { crc32: stored.crc32 } : {};
    return { ...infoOf(key, stored), serverTimeMs: this.#nowMs(), ...checksum };
  }

  async *list(options: ListOptions): AsyncIterable<ObjectInfo> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const key of this.#keys(options)) {
      if (left-- <= 0) return;
      refuseAborted(options);
      // An object may have been deleted between two steps of the listing.
      const stored = this.#objects.get(key);
      if (stored !== undefined) yield infoOf(key, stored);
    }
  }

  async *listFolders(options: ListOptions): AsyncIterable<string> {
    refuseAborted(options);
    const keys = this.#keys({ ...options, startAfter: undefined });
    const folders = new Set(keys.map((key) => folderOf(key, options.prefix)).filter((folder) => folder !== null));
    const after = options.startAfter;
    const wanted = [...folders].filter((folder) => after === undefined || compareKeys(folder, after) > 0);
    yield* wanted.slice(0, options.limit);
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    refuseAborted(options);
    for (const key of keys) this.#objects.delete(key);
  }

  async copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    refuseAborted(options);
    assertKey(to);
    const source = this.#find(from);
    this.#store(to, source);
    return { crc32: source.crc32 };
  }

  async createMultipart(key: string, options: CallOptions = {}): Promise<MultipartUpload> {
    refuseAborted(options);
    assertKey(key);
    return this.#uploads.create(key, this.#nowMs());
  }

  async uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    refuseAborted(options);
    const bytes = Buffer.from(part.body);
    const crc32 = crc32Of(bytes);
    if (part.crc32 !== undefined && part.crc32 !== crc32) {
      throw new StoreError('transient', `part ${part.partNumber} arrived damaged`, {
        key: upload.key,
        code: 'BadDigest',
      });
    }
    const { partNumber } = part;
    const completed = { partNumber, etag: md5(bytes).toString('hex'), crc32 };
    this.#uploads.putPart(upload, { ...completed, sizeBytes: bytes.byteLength, bytes });
    return completed;
  }

  async copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const { body } = await this.get(part.from, { ...options, range: part.range, ifMatch: part.ifMatch });
    return this.uploadPart(upload, { partNumber: part.partNumber, body: await collect(body) }, options);
  }

  async completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options: CompleteOptions = {},
  ): Promise<{ etag: string }> {
    refuseAborted(options);
    const uploaded = this.#uploads.parts(upload);
    checkParts(upload, { listed: parts, uploaded, minPartBytes: this.#minPartBytes, sizeBytes: options.sizeBytes });
    this.#check(upload.key, options.when);
    const chosen = parts.map((part) => uploaded.get(part.partNumber)?.bytes ?? new Uint8Array());
    this.#uploads.remove(upload);
    const etag = `${md5(Buffer.concat(chosen.map(md5))).toString('hex')}-${parts.length}`;
    return this.#store(upload.key, { bytes: Buffer.concat(chosen), etag, crc32: compositeCrc32(chosen.map(crc32Of)) });
  }

  async abortMultipart(upload: MultipartUpload, options: CallOptions = {}): Promise<void> {
    refuseAborted(options);
    this.#uploads.remove(upload);
  }

  async *listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    refuseAborted(options);
    const parts = [...this.#uploads.parts(upload).values()].sort((a, b) => a.partNumber - b.partNumber);
    for (const { partNumber, etag, crc32, sizeBytes } of parts) yield { partNumber, etag, crc32, sizeBytes };
  }

  async *listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    refuseAborted(options);
    yield* this.#uploads.list(options.prefix);
  }

  #nowMs(): number {
    return Math.floor(this.#clock.wallMs() / 1000) * 1000;
  }

  #keys(options: ListOptions): string[] {
    const after = options.startAfter;
    const keys = [...this.#objects.keys()].filter(
      (key) => key.startsWith(options.prefix) && (after === undefined || compareKeys(key, after) > 0),
    );
    return keys.sort(compareKeys);
  }

  #find(key: string): Stored {
    const stored = this.#objects.get(key);
    if (stored === undefined) throw new StoreError('missing', `no object ${key}`, { key, code: 'NoSuchKey' });
    return stored;
  }

  #check(key: string, when: PutCondition | undefined): void {
    if (when === undefined) return;
    const stored = this.#objects.get(key);
    if ('absent' in when ? stored !== undefined : stored?.etag !== when.etag) throw changed(key);
  }

  #store(key: string, { bytes, etag, crc32 }: Omit<Stored, 'lastModifiedMs'>): { etag: string } {
    this.#objects.set(key, { bytes, etag, crc32, lastModifiedMs: this.#nowMs() });
    return { etag };
  }
}

function infoOf(key: string, { bytes, etag, lastModifiedMs }: Stored): ObjectInfo {
  return { key, sizeBytes: bytes.byteLength, etag, lastModifiedMs };
}

function changed(key: string): StoreError {
  return new StoreError('precondition', `${key} is not what was expected`, { key, code: 'PreconditionFailed' });
}

function md5(bytes: Uint8Array): Buffer {
  return createHash('md5').update(bytes).digest();
}

function refuseAborted({ signal }: CallOptions): void {
  if (signal?.aborted) throw abortedError(signal);
}

const CHUNK_BYTES = 64 * 1024;

async function* chunked(bytes: Uint8Array, signal: AbortSignal | undefined, key: string): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
    if (signal?.aborted) throw abortedError(signal, key);
    yield Buffer.from(bytes.subarray(start, start + CHUNK_BYTES));
  }
}
