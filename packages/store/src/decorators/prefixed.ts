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

/** The part of a store whose keys begin with `prefix` (slashes at its ends don't matter), as a store of its own. */
export function prefixed(store: ObjectStore, prefix: string): ObjectStore {
  const bare = prefix.replace(/^\/+|\/+$/g, '');
  return bare === '' ? store : new PrefixedStore(store, `${bare}/`);
}

class PrefixedStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #prefix: string;

  constructor(inner: ObjectStore, prefix: string) {
    this.#inner = inner;
    this.#prefix = prefix;
    this.location = `${inner.location}/${prefix.slice(0, -1)}`;
  }

  put(key: string, body: ObjectBody, options?: PutOptions): Promise<{ readonly etag: string }> {
    return this.#own(this.#inner.put(this.#prefix + key, body, options));
  }

  async get(key: string, options?: GetOptions): Promise<ReadResult> {
    const result = await this.#own(this.#inner.get(this.#prefix + key, options));
    return { ...result, info: { ...result.info, key } };
  }

  async head(key: string, options?: HeadOptions): Promise<HeadResult | null> {
    const result = await this.#own(this.#inner.head(this.#prefix + key, options));
    return result === null ? null : { ...result, key };
  }

  async *list(options: ListOptions): AsyncIterable<ObjectInfo> {
    for await (const info of this.#inner.list(this.#outer(options))) yield { ...info, key: this.#bare(info.key) };
  }

  async *listFolders(options: ListOptions): AsyncIterable<string> {
    for await (const folder of this.#inner.listFolders(this.#outer(options))) yield this.#bare(folder);
  }

  delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.#own(
      this.#inner.delete(
        keys.map((key) => this.#prefix + key),
        options,
      ),
    );
  }

  copy(from: string, to: string, options?: CallOptions): Promise<CopiedObject> {
    return this.#own(this.#inner.copy(this.#prefix + from, this.#prefix + to, options));
  }

  async createMultipart(key: string, options?: CallOptions): Promise<MultipartUpload> {
    const { uploadId } = await this.#own(this.#inner.createMultipart(this.#prefix + key, options));
    return { key, uploadId };
  }

  uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options?: CallOptions,
  ): Promise<CompletedPart> {
    return this.#own(this.#inner.uploadPart(this.#upload(upload), part, options));
  }

  copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options?: CallOptions,
  ): Promise<CompletedPart> {
    const outer = { ...part, from: this.#prefix + part.from };
    return this.#own(this.#inner.copyPart(this.#upload(upload), outer, options));
  }

  completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options?: CompleteOptions,
  ): Promise<{ readonly etag: string }> {
    return this.#own(this.#inner.completeMultipart(this.#upload(upload), parts, options));
  }

  abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void> {
    return this.#own(this.#inner.abortMultipart(this.#upload(upload), options));
  }

  listParts(upload: MultipartUpload, options?: CallOptions): AsyncIterable<PartInfo> {
    return this.#inner.listParts(this.#upload(upload), options);
  }

  async *listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    const outer = { ...options, prefix: this.#prefix + options.prefix };
    for await (const upload of this.#inner.listMultipart(outer)) yield { ...upload, key: this.#bare(upload.key) };
  }

  #upload({ key, uploadId }: MultipartUpload): MultipartUpload {
    return { key: this.#prefix + key, uploadId };
  }

  #outer(options: ListOptions): ListOptions {
    const startAfter = options.startAfter === undefined ? undefined : this.#prefix + options.startAfter;
    return { ...options, prefix: this.#prefix + options.prefix, startAfter };
  }

  #bare(key: string): string {
    return key.slice(this.#prefix.length);
  }

  /** Errors name the key as the caller knows it; their message, for people, the whole one. */
  async #own<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      if (!(error instanceof StoreError) || error.key === null || !error.key.startsWith(this.#prefix)) throw error;
      const { kind, message, status, code } = error;
      throw new StoreError(kind, message, { status, code, key: this.#bare(error.key), cause: error.cause });
    }
  }
}
