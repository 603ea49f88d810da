import { validateHeaderValue } from 'node:http';
import { abortedError } from '../semantics.ts';
import type { BucketAddress } from './endpoint.ts';
import { type HttpAnswer, type HttpCall, storeError, type TransportOptions } from './http-call.ts';
import { RangeConnection } from './range-connection.ts';
import type { ResponseHead } from './response-head.ts';

/**
 * Ranged GETs whose bytes TLS puts straight to their place. `node:http` makes a buffer, a stream's chunk and several
 * callbacks of every TLS record of 16 KiB; without them a download takes half the CPU (docs/figures.md). Understands plain
 * partial answers of known length and nothing else: what else may come is left to `node:http`.
 */
export class RangeReader {
  readonly #address: BucketAddress;
  readonly #options: TransportOptions;
  readonly #idle: RangeConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #openCount = 0;
  #closed = false;

  constructor(address: BucketAddress, options: TransportOptions) {
    this.#address = address;
    this.#options = options;
  }

  /**
   * Resolves with null when the call is to be made over `node:http`: its answer is one that needs understanding, or a kept
   * connection turned out to be closed.
   */
  async send(call: HttpCall, into: Uint8Array, idleTimeoutMs: number): Promise<HttpAnswer | null> {
    const request = requestText(call);
    const { connection, kept } = await this.#take(call);
    const { head } = connection;
    const stop = destroyedBy(connection, call);
    try {
      await connection.ask(request, idleTimeoutMs);
      const length = head.partialLength(into.byteLength);
      if (length !== null) return answerOf(head, bodyOf(connection, into.subarray(0, length), call));
      connection.destroy(new Error('not a partial answer'));
      return head.status >= 500 ? answerOf(head, nothing()) : null;
    } catch (error) {
      connection.destroy(error as Error);
      if (kept && head.isEmpty && isClosing(error)) return null;
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

  async #take({ signal, key }: HttpCall): Promise<{ readonly connection: RangeConnection; readonly kept: boolean }> {
    for (;;) {
      if (signal?.aborted) throw abortedError(signal, key);
      const idle = this.#idle.pop();
      if (idle !== undefined) return { connection: idle, kept: true };
      if (this.#openCount < this.#options.maxSockets) return { connection: this.#connect(), kept: false };
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

  #connect(): RangeConnection {
    this.#openCount++;
    const connection: RangeConnection = new RangeConnection(this.#address, this.#options, {
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

/** The server may close a kept connection just when it is used again; nothing was asked then. */
function isClosing(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || message === 'the connection was closed';
}

function requestText(call: HttpCall): string {
  const lines = Object.entries(call.headers).map(([name, value]) => {
    validateHeaderValue(name, value);
    return `${name}: ${value}\r\n`;
  });
  return `${call.method} ${call.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function answerOf(head: ResponseHead, body: AsyncIterable<Uint8Array>): HttpAnswer {
  const { status } = head;
  const dateMs = Date.parse(head.header('date') ?? '');
  return { status, header: (name) => head.header(name), serverTimeMs: Number.isNaN(dateMs) ? null : dateMs, body };
}

async function* bodyOf(connection: RangeConnection, into: Uint8Array, call: HttpCall): AsyncIterable<Uint8Array> {
  const stop = destroyedBy(connection, call);
  try {
    yield* connection.body(into);
  } catch (error) {
    throw storeError(error, call);
  } finally {
    stop();
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}

function destroyedBy(connection: RangeConnection, { signal, key }: HttpCall): () => void {
  if (signal === undefined) return () => {};
  const abort = (): void => connection.destroy(abortedError(signal, key));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
