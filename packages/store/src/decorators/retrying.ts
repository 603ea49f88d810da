import { backoffMs, type Clock, retry, type RetryPolicy } from '@runctl/core';
import {
  type CallOptions,
  type GetOptions,
  isStoreError,
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
import { abortedError, rangeWithin } from '../port/semantics.ts';
import { type Around, DecoratedStore } from './decorated-store.ts';
import { resumingListing } from './resuming-listing.ts';

export interface RetryingOptions {
  readonly clock: Clock;
  readonly policy?: RetryPolicy;
  readonly random?: () => number;
  /** Before each pause; of a put that is to go `once` as well, with a pause of 0, since who called repeats that. */
  readonly onRetry?: (error: StoreError, retry: number, pauseMs: number) => void;
}

export const defaultStoreRetry: RetryPolicy = { attempts: 6, baseMs: 100, maxMs: 5000 };

/**
 * Repeats what failed with `transient` or `conflict`, pausing longer each time; a put that is to go `once` goes once. Bodies and listings that break off are
 * gone on with where they broke. A conditional put that is repeated may see `precondition` for its own success:
 * `compareAndSet` tells.
 */
export function retrying(store: ObjectStore, options: RetryingOptions): ObjectStore {
  return new RetryingStore(store, options);
}

function retryable(error: unknown): error is StoreError {
  return isStoreError(error, 'transient', 'conflict');
}

class RetryingStore extends DecoratedStore {
  readonly #options: RetryingOptions;
  readonly #policy: RetryPolicy;

  constructor(inner: ObjectStore, options: RetryingOptions) {
    const policy = options.policy ?? defaultStoreRetry;
    const { clock, random = Math.random, onRetry } = options;
    const around: Around = async ({ key, signal }, perform) => {
      try {
        return await retry(perform, {
          policy,
          clock,
          retryable,
          random,
          ...(signal === undefined ? {} : { signal }),
          ...(onRetry === undefined
            ? {}
            : { onRetry: (error, count, pauseMs) => onRetry(error as StoreError, count, pauseMs) }),
        });
      } catch (error) {
        // The pause between two tries rejects with the signal's own reason, and a passing failure is no reason to stop.
        if (signal?.aborted && (!(error instanceof StoreError) || retryable(error))) throw abortedError(signal, key);
        throw error;
      }
    };
    super(inner, around);
    this.#options = options;
    this.#policy = policy;
  }

  override async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    if (options.once !== true) return super.put(key, body, options);
    try {
      return await this.inner.put(key, body, options);
    } catch (error) {
      if (retryable(error)) this.#options.onRetry?.(error, 1, 0);
      throw error;
    }
  }

  override async get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const result = await super.get(key, options);
    return { ...result, body: this.#resumingBody(result, options) };
  }

  override list(options: ListOptions): AsyncIterable<ObjectInfo> {
    return resumingListing<ObjectInfo>(
      (last, seen) => this.inner.list(restOf(options, last?.key, seen)),
      this.#mayGoOn(options.signal),
    );
  }

  override listFolders(options: ListOptions): AsyncIterable<string> {
    return resumingListing<string>(
      (last, seen) => this.inner.listFolders(restOf(options, last ?? undefined, seen)),
      this.#mayGoOn(options.signal),
    );
  }

  override listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    return resumingListing<PartInfo>(
      (_last, seen) => skip(this.inner.listParts(upload, options), seen),
      this.#mayGoOn(options.signal),
    );
  }

  override listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    return resumingListing<OpenUpload>(
      (_last, seen) => skip(this.inner.listMultipart(options), seen),
      this.#mayGoOn(options.signal),
    );
  }

  /** Reads on behind the last byte that came, of the same version only. */
  async *#resumingBody({ info, body }: ReadResult, options: GetOptions): AsyncIterable<Uint8Array> {
    const { start, end } = rangeWithin(options.range, info.sizeBytes, info.key);
    const mayGoOn = this.#mayGoOn(options.signal);
    let position = start;
    let chunks = body;
    for (;;) {
      const before = position;
      try {
        for await (const chunk of chunks) {
          position += chunk.byteLength;
          yield chunk;
        }
        if (position < end) throw new StoreError('transient', `the body ended ${end - position} bytes too early`);
        return;
      } catch (error) {
        await mayGoOn(error, position > before);
      }
      const into = options.into?.subarray(position - start);
      const rest = { ...options, range: { start: position, end }, ifMatch: info.etag, into };
      ({ body: chunks } = await super.get(info.key, rest));
    }
  }

  /** Counts failures in a row without progress, pauses before the next try, and rethrows the last. */
  #mayGoOn(signal: AbortSignal | undefined): (error: unknown, progressed: boolean) => Promise<void> {
    const { clock, random = Math.random, onRetry } = this.#options;
    let failures = 0;
    return async (error, progressed) => {
      failures = progressed ? 1 : failures + 1;
      if (signal?.aborted || failures >= this.#policy.attempts || !retryable(error)) throw error;
      const pauseMs = backoffMs(this.#policy, failures, random());
      onRetry?.(error, failures, pauseMs);
      try {
        await clock.sleep(pauseMs, signal);
      } catch (reason) {
        throw signal?.aborted ? abortedError(signal) : reason;
      }
    };
  }
}

function restOf(options: ListOptions, last: string | undefined, seen: number): ListOptions {
  const limit = options.limit === undefined ? undefined : options.limit - seen;
  return { ...options, startAfter: last ?? options.startAfter, limit };
}

async function* skip<T>(items: AsyncIterable<T>, count: number): AsyncIterable<T> {
  let left = count;
  for await (const item of items) if (left-- <= 0) yield item;
}
