import { messageOf } from '@runctl/core';
import { type ObjectBody, StoreError } from '../port/object-store.ts';
import { abortedError } from '../port/semantics.ts';

export interface TransportOptions {
  readonly maxSockets: number;
  readonly connectTimeoutMs: number;
  /** Longest silence on a connection while an answer is awaited. */
  readonly idleTimeoutMs: number;
}

export interface HttpCall {
  readonly method: string;
  /** Encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ObjectBody | null;
  /** For messages. */
  readonly key: string | null;
  readonly signal: AbortSignal | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** Of a GET: memory as large as what is asked for, which the body's chunks may be pieces of. */
  readonly into?: Uint8Array | undefined;
  /** Of a PUT: that it is made twice does no harm, and is no business of the caller's. */
  readonly repeatable?: boolean | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | null;
  /** The `Date` header, epoch ms; null where it is missing. */
  readonly serverTimeMs: number | null;
  /** Must be read or left, else its connection stays taken. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a failed connection means to callers. */
export function storeError(error: unknown, call: { signal: AbortSignal | undefined; key: string | null }): StoreError {
  if (call.signal?.aborted) return abortedError(call.signal, call.key);
  if (error instanceof StoreError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? null;
  return new StoreError('transient', `the connection failed: ${messageOf(error)}`, {
    key: call.key,
    code,
    cause: error,
  });
}
