import {
  type ByteRange,
  type CallOptions,
  collect,
  type CompletedPart,
  type CopiedObject,
  type CompleteOptions,
  type GetOptions,
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
} from '@runctl/store';
import { type Call, listed, type ModelS3, type Write } from './model-s3.ts';
import type { Process } from './process.ts';

/** One process's way to the model S3: the whole ObjectStore, each method one call over the simulated network. */
export class S3Connection implements ObjectStore {
  readonly location = 's3://simulated';
  readonly #s3: ModelS3;
  readonly #process: Process;

  constructor(s3: ModelS3, process: Process) {
    this.#s3 = s3;
    this.#process = process;
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    // What is under way is in the network, whatever the sender does with its buffers.
    const bytes = Buffer.from(body instanceof Uint8Array ? body : await collect(body.open()));
    return this.#write('put', key, options, (store) => store.put(key, bytes, { when: options.when }));
  }

  async get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const { range, ifMatch } = options;
    const result = await this.#call('get', options, async (store) => {
      const answer = await store.get(key, { range, ifMatch });
      return { ...answer, bytes: await collect(answer.body) };
    });
    return { info: result.info, serverTimeMs: result.serverTimeMs, body: this.#body(result.bytes, options.signal) };
  }

  head(key: string, options: CallOptions = {}): Promise<HeadResult | null> {
    return this.#call('head', options, (store) => store.head(key));
  }

  list(options: ListOptions): AsyncIterable<ObjectInfo> {
    const { signal, ...rest } = options;
    return this.#listing(signal, (store) => listed(store.list(rest)));
  }

  listFolders(options: ListOptions): AsyncIterable<string> {
    const { signal, ...rest } = options;
    return this.#listing(signal, (store) => listed(store.listFolders(rest)));
  }

  delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const writes = keys.map((key): Write => ({ operation: 'delete', key, by: this.#process }));
    return this.#call('delete', { ...options, writes }, (store) => store.delete(keys));
  }

  copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    return this.#write('copy', to, options, (store) => store.copy(from, to));
  }

  createMultipart(key: string, options: CallOptions = {}): Promise<MultipartUpload> {
    return this.#call('createMultipart', options, (store) => store.createMultipart(key));
  }

  uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const sent = { ...part, body: Buffer.from(part.body) };
    return this.#call('uploadPart', options, (store) => store.uploadPart(upload, sent));
  }

  copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    return this.#call('copyPart', options, (store) => store.copyPart(upload, part));
  }

  completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options: CompleteOptions = {},
  ): Promise<{ readonly etag: string }> {
    const { when, sizeBytes } = options;
    return this.#write('complete', upload.key, options, (store) =>
      store.completeMultipart(upload, parts, { when, sizeBytes }),
    );
  }

  abortMultipart(upload: MultipartUpload, options: CallOptions = {}): Promise<void> {
    return this.#call('abortMultipart', options, (store) => store.abortMultipart(upload));
  }

  listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    return this.#listing(options.signal, (store) => listed(store.listParts(upload)));
  }

  listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    const { prefix } = options;
    return this.#listing(options.signal, (store) => listed(store.listMultipart({ prefix })));
  }

  #write<T>(operation: Write['operation'], key: string, options: PutOptions, perform: Call<T>['perform']): Promise<T> {
    const writes = [{ operation, key, by: this.#process }];
    return this.#call(operation, { ...options, writes, conditional: options.when !== undefined }, perform);
  }

  #call<T>(
    operation: string,
    given: CallOptions & { readonly writes?: readonly Write[]; readonly conditional?: boolean },
    perform: Call<T>['perform'],
  ): Promise<T> {
    const { signal, writes = [], conditional = false } = given;
    return this.#s3.call(this.#process, { operation, writes, conditional, signal, perform });
  }

  async *#body(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const cutAt = this.#s3.cutAt();
    const end = cutAt === null ? bytes.byteLength : Math.floor(bytes.byteLength * cutAt);
    const half = Math.ceil(end / 2);
    for (const chunk of [bytes.subarray(0, half), bytes.subarray(half, end)]) {
      if (signal?.aborted) throw new StoreError('aborted', 'aborted in the middle of a body');
      if (chunk.byteLength > 0) yield Buffer.from(chunk);
    }
    if (cutAt !== null) throw new StoreError('transient', 'the connection broke in the middle of a body');
  }

  async *#listing<T>(signal: AbortSignal | undefined, perform: Call<T[]>['perform']): AsyncIterable<T> {
    const items = await this.#call('list', { signal }, perform);
    const cutAt = this.#s3.cutAt();
    const end = cutAt === null ? items.length : Math.floor(items.length * cutAt);
    for (const item of items.slice(0, end)) {
      if (signal?.aborted) throw new StoreError('aborted', 'aborted in the middle of a listing');
      yield item;
    }
    if (cutAt !== null) throw new StoreError('transient', 'the connection broke in the middle of a listing');
  }
}
