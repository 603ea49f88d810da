import { httpDateMs } from '@runctl/aws-wire';
import { abortedError } from '../port/semantics.ts';
import { NotUnderstood } from './chunked-body.ts';
import { DirectConnection } from './direct-connection.ts';
import type { BucketAddress } from './endpoint.ts';
import { type HttpAnswer, type HttpCall, storeError, type TransportOptions } from './http-call.ts';
import type { ResponseHead } from './response-head.ts';

/** A body up to this size goes out with its head in one write, and is copied for that. */
const SMALL_BODY_BYTES = 256 * 1024;
/** Answers up to this size are read at once, without waiting for their reader. */
const SHORT_ANSWER_BYTES = 64 * 1024;
const NO_BYTES = new Uint8Array();
/** No line's end above all (RFC 9110 §5.5). */
const isHeaderValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * GETs whose bytes TLS puts straight to their place, and small PUTs. `node:http` makes a buffer, a stream's chunk and several
 * callbacks of every TLS record of 16 KiB, and some twenty objects of every request; without them a download takes half the
 * CPU, and so do small files (docs/figures.md). Understands answers of known length, and short ones in chunks: what else may
 * come is left to `node:http`.
 */
export class DirectTransport {
  readonly #address: BucketAddress;
  readonly #options: TransportOptions;
  readonly #idle: DirectConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #openCount = 0;
  #closed = false;

  constructor(address: BucketAddress, options: TransportOptions) {
    this.#address = address;
    this.#options = options;
  }

  /**
   * Resolves with null when the call is to be made over `node:http`: it is none for here, its answer is one that needs
   * understanding, or a kept connection turned out to be closed. Only calls that may be made twice get that far.
   */
  async send(call: HttpCall, idleTimeoutMs: number): Promise<HttpAnswer | null> {
    if (!isForHere(call)) return null;
    const request = requestBytes(call);
    const idle = this.#idle.pop();
    const connection = idle ?? (await this.#connection(call));
    const { head } = connection;
    const stop = destroyedBy(connection, call);
    try {
      await connection.ask(request, idleTimeoutMs);
      const into = placeFor(head, call);
      if (into !== null && into.byteLength > SHORT_ANSWER_BYTES) return answerOf(head, bodyOf(connection, into, call));
      if (into !== null) {
        await connection.fill(into);
        return answerOf(head, only(into));
      }
      if (isShort(head, call)) return answerOf(head, only(await connection.shortBody()));
      connection.destroy(new Error('not a plain answer'));
      return head.status >= 500 ? answerOf(head, only(NO_BYTES)) : null;
    } catch (error) {
      connection.destroy(error as Error);
      if (connection.isReused && head.isEmpty && isClosing(error)) return null;
      if (error instanceof NotUnderstood) return null;
      throw storeError(error, call);
    } finally {
      stop();
    }
  }

  /** Ends the kept connections; those in use end with their answers. */
  close(): void {
    this.#closed = true;
    // Each takes itself out of the list.
    for (const connection of this.#idle.splice(0)) connection.destroy(new Error('the store was closed'));
  }

  async #connection({ signal, key }: HttpCall): Promise<DirectConnection> {
    for (;;) {
      if (signal?.aborted) throw abortedError(signal, key);
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#openCount < this.#options.maxSockets) return this.#connect();
      await this.#turn(signal);
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        resolve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(go);
    });
  }

  #connect(): DirectConnection {
    this.#openCount++;
    const connection: DirectConnection = new DirectConnection(this.#address, this.#options, {
      free: () => {
        if (this.#closed) return connection.destroy(new Error('the store was closed'));
        this.#idle.push(connection);
        this.#waiting.shift()?.();
      },
      gone: () => {
        this.#openCount--;
        const at = this.#idle.indexOf(connection);
        if (at >= 0) this.#idle.splice(at, 1);
        this.#waiting.shift()?.();
      },
    });
    return connection;
  }
}

function isForHere({ into, body, repeatable = false }: HttpCall): boolean {
  if (into !== undefined) return body === null;
  return repeatable && body instanceof Uint8Array && body.byteLength <= SMALL_BODY_BYTES;
}

/** Where the bytes that were asked for go; null when the answer has none, or others. */
function placeFor(head: ResponseHead, { into, headers }: HttpCall): Uint8Array | null {
  const length = head.plainLength;
  const wanted = headers['range'] === undefined ? 200 : 206;
  if (into === undefined || head.status !== wanted || length === null || length === 0) return null;
  return length <= into.byteLength ? into.subarray(0, length) : null;
}

/** An answer that only says that something was done, or why not. */
function isShort({ status, plainLength, isChunked }: ResponseHead, { into }: HttpCall): boolean {
  if (plainLength === 0) return true;
  // Another success than the one that was asked for is for the caller to complain of.
  if (into !== undefined && status < 300) return false;
  return plainLength === null ? isChunked && status >= 200 : plainLength <= SHORT_ANSWER_BYTES;
}

/** The server may close a kept connection just when it is used again; nothing was asked then. */
function isClosing(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || message === 'the connection was closed';
}

/** Head and body in one piece: TLS makes one record of them, and the kernel one packet where they are small. */
function requestBytes({ method, path, headers, body }: HttpCall): Buffer {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (const name in headers) {
    const value = headers[name] ?? '';
    if (!isHeaderValue.test(value)) throw new TypeError(`not to be sent in ${name}: ${JSON.stringify(value)}`);
    head += `${name}: ${value}\r\n`;
  }
  head += '\r\n';
  if (!(body instanceof Uint8Array)) return Buffer.from(head, 'latin1');
  const request = Buffer.allocUnsafe(head.length + body.byteLength);
  request.write(head, 'latin1');
  request.set(body, head.length);
  return request;
}

/** Keeps what the head says: its connection may have another answer before this one has been looked at. */
function answerOf({ status, headers }: ResponseHead, body: AsyncIterable<Uint8Array>): HttpAnswer {
  return {
    status,
    header: (name) => headers.get(name) ?? null,
    serverTimeMs: httpDateMs(headers.get('date')),
    body,
  };
}

async function* bodyOf(connection: DirectConnection, into: Uint8Array, call: HttpCall): AsyncIterable<Uint8Array> {
  const stop = destroyedBy(connection, call);
  try {
    yield* connection.body(into);
  } catch (error) {
    throw storeError(error, call);
  } finally {
    stop();
  }
}

async function* only(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

function destroyedBy(connection: DirectConnection, { signal, key }: HttpCall): () => void {
  if (signal === undefined) return () => {};
  const abort = (): void => connection.destroy(abortedError(signal, key));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
