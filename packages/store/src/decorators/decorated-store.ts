import type {
  ByteRange,
  CallOptions,
  CompletedPart,
  CopiedObject,
  CompleteOptions,
  GetOptions,
  HeadOptions,
  HeadResult,
  ListOptions,
  MultipartUpload,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  OpenUpload,
  PartInfo,
  PutOptions,
  ReadResult,
} from '../port/object-store.ts';

export interface StoreCall {
  readonly operation: keyof ObjectStore;
  /** Null for listings, whose prefix it is not, and for deletions of several keys. */
  readonly key: string | null;
  readonly signal: AbortSignal | undefined;
}

/** Stands around each call: may wait, refuse, repeat, or swallow the answer. */
export type Around = <T>(call: StoreCall, perform: () => Promise<T>) => Promise<T>;

/**
 * A store with the same thing done around every call. Listings are passed through: what a decorator does with them is its
 * own affair.
 */
export class DecoratedStore implements ObjectStore {
  protected readonly inner: ObjectStore;
  readonly #around: Around;

  constructor(inner: ObjectStore, around: Around) {
    this.inner = inner;
    this.#around = around;
  }

  get location(): string {
    return this.inner.location;
  }

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    return this.#around({ operation: 'put', key: key, signal: options.signal }, () =>
      this.inner.put(key, body, options),
    );
  }

  get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.#around({ operation: 'get', key: key, signal: options.signal }, () => this.inner.get(key, options));
  }

  head(key: string, options: HeadOptions = {}): Promise<HeadResult | null> {
    return this.#around({ operation: 'head', key: key, signal: options.signal }, () => this.inner.head(key, options));
  }

  list(options: ListOptions): AsyncIterable<ObjectInfo> {
    return this.inner.list(options);
  }

  listFolders(options: ListOptions): AsyncIterable<string> {
    return this.inner.listFolders(options);
  }

  delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#around(
      { operation: 'delete', key: keys.length === 1 ? (keys[0] ?? null) : null, signal: options.signal },
      () => this.inner.delete(keys, options),
    );
  }

  copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    return this.#around({ operation: 'copy', key: to, signal: options.signal }, () =>
      this.inner.copy(from, to, options),
    );
  }

  createMultipart(key: string, options: CallOptions = {}): Promise<MultipartUpload> {
    return this.#around({ operation: 'createMultipart', key: key, signal: options.signal }, () =>
      this.inner.createMultipart(key, options),
    );
  }

  uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    return this.#around({ operation: 'uploadPart', key: upload.key, signal: options.signal }, () =>
      this.inner.uploadPart(upload, part, options),
    );
  }

  copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    return this.#around({ operation: 'copyPart', key: upload.key, signal: options.signal }, () =>
      this.inner.copyPart(upload, part, options),
    );
  }

  completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options: CompleteOptions = {},
  ): Promise<{ readonly etag: string }> {
    return this.#around({ operation: 'completeMultipart', key: upload.key, signal: options.signal }, () =>
      this.inner.completeMultipart(upload, parts, options),
    );
  }

  abortMultipart(upload: MultipartUpload, options: CallOptions = {}): Promise<void> {
    return this.#around({ operation: 'abortMultipart', key: upload.key, signal: options.signal }, () =>
      this.inner.abortMultipart(upload, options),
    );
  }

  listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    return this.inner.listParts(upload, options);
  }

  listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    return this.inner.listMultipart(options);
  }
}
