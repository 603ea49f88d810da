import { connect, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectSecurely, type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls';
import type { BucketAddress } from './endpoint.ts';
import { ResponseHead } from './response-head.ts';

/** Bytes of a body are told of when this many have come, so that a part is a few steps and not hundreds. */
const STEP_BYTES = 1024 * 1024;

export interface ConnectionOwner {
  /** The answer is complete and the connection may be used again. */
  free(): void;
  /** Called once, when the connection is no more. */
  gone(): void;
}

let trust: SecureContext | null = null;

/** Whom Node trusts by default; gathering it takes a millisecond of CPU, which is a third of a new connection's. */
function trusted(): SecureContext {
  return (trust ??= createSecureContext());
}

/**
 * A kept connection, on which one request is under way at a time:
 *
 *                                                      ┌── body, fill → filling ────┐
 *     idle ── ask ─→ waiting ── head is whole ─→ paused ─┴── shortBody ─→ collecting ─┴─ last byte ─→ idle
 *       └──────────────┴──────────────────────────┴───────────────────────────┴── destroy, error ─→ gone
 *
 * Errors reject what is waited for with the connection's own error.
 */
export class DirectConnection {
  readonly head = new ResponseHead();
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  /** Null unless filling. */
  #into: Uint8Array | null = null;
  #filled = 0;
  #isIdle = true;
  #isPaused = false;
  #isCollecting = false;
  #asked = 0;
  #failure: Error | null = null;
  #step: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(address: BucketAddress, options: { readonly connectTimeoutMs: number }, owner: ConnectionOwner) {
    this.#owner = owner;
    const { connectTimeoutMs } = options;
    const secure = address.protocol === 'https:';
    this.#socket = this.#open(address, secure);
    const tooLate = () => this.destroy(new Error(`not connected after ${connectTimeoutMs} ms`));
    const timer = setTimeout(tooLate, connectTimeoutMs);
    this.#socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    this.#socket.on('error', (error) => (this.#failure ??= error));
    this.#socket.on('timeout', () => this.destroy(new Error(`no data for ${this.#socket.timeout} ms`)));
    this.#socket.on('close', () => {
      clearTimeout(timer);
      this.#failure ??= new Error('the connection was closed');
      this.#wake();
      owner.gone();
    });
  }

  #open(address: BucketAddress, secure: boolean): Socket {
    const host = address.hostname.replace(/^\[|\]$/g, '');
    const port = address.port ?? (secure ? 443 : 80);
    const onread = {
      buffer: () => this.#room(),
      callback: (count: number, bytes: Uint8Array) => this.#arrived(count, bytes),
    };
    if (!secure) return connect({ host, port, onread });
    const servername = isIP(host) === 0 ? { servername: host } : {};
    // `tls.connect` hands `onread` to the socket as `net.connect` does (Node's manual, tls.connect), its type does not say so.
    const options: ConnectionOptions & { readonly onread: OnReadOpts } = { host, port, onread, ...servername };
    return connectSecurely({ ...options, secureContext: trusted(), ALPNProtocols: ['http/1.1'] });
  }

  /** Whether the request under way is not the first. */
  get isReused(): boolean {
    return this.#asked > 1;
  }

  /** Sends a request; resolves when the answer's head has come. */
  async ask(request: Uint8Array, idleTimeoutMs: number): Promise<void> {
    this.#asked++;
    this.head.begin();
    this.#isIdle = this.#isCollecting = false;
    this.#socket.ref();
    // It begins anew with every byte, also where nothing is waited for: a kept connection is given up then.
    if (this.#socket.timeout !== idleTimeoutMs) this.#socket.setTimeout(idleTimeoutMs);
    this.#socket.write(request);
    while (!this.head.isWhole) await this.#more();
  }

  /** The body of a short answer, which is collected behind its head. */
  async shortBody(): Promise<Uint8Array> {
    this.#isCollecting = true;
    this.#readOn();
    let body = this.head.body();
    for (; body === null; body = this.head.body()) await this.#more();
    this.#endAnswer();
    return body;
  }

  /** Fills `into` with the body at once, which is to be small: the steps of a longer one cost more than its bytes. */
  async fill(into: Uint8Array): Promise<void> {
    this.#begin(into);
    while (this.#filled < into.byteLength) await this.#more();
    this.#endAnswer();
  }

  /** The body as pieces of `into`, which it fills. Nothing is written there before the first piece is asked for. */
  async *body(into: Uint8Array): AsyncGenerator<Uint8Array> {
    let delivered = 0;
    try {
      this.#begin(into);
      while (delivered < into.byteLength) {
        while (this.#filled < into.byteLength && this.#filled - delivered < STEP_BYTES) await this.#more();
        const piece = into.subarray(delivered, this.#filled);
        delivered = this.#filled;
        if (delivered === into.byteLength) this.#endAnswer();
        yield piece;
      }
    } finally {
      if (this.#into === into) this.destroy(new Error('the reader left early'));
    }
  }

  /** Nothing is written anywhere any more when this returns. */
  destroy(error: Error): void {
    this.#failure ??= error;
    this.#into = null;
    this.#socket.destroy();
    this.#wake();
  }

  #endAnswer(): void {
    this.#into = null;
    this.#isIdle = true;
    // Who answers before it has read the request may not want to read it at all.
    const isUnsent = this.#socket.writableLength > 0;
    if (this.#failure !== null || this.head.closes || isUnsent)
      return this.destroy(new Error('the connection cannot be used again'));
    this.#socket.unref();
    this.#owner.free();
  }

  #begin(into: Uint8Array): void {
    this.#into = into;
    this.#filled = 0;
    this.#fill(this.head.rest());
    this.#readOn();
  }

  #room(): Uint8Array {
    const into = this.#into;
    return into !== null && this.#filled < into.byteLength ? into.subarray(this.#filled) : this.head.room();
  }

  /** False stops the socket from reading until the body is asked for. */
  #arrived(count: number, bytes: Uint8Array): boolean {
    if (this.#failure !== null) return false;
    if (this.#isIdle) this.destroy(new Error('bytes came that nobody asked for'));
    else if (!this.head.isRoom(bytes)) this.#filled += count;
    else if (this.#into !== null) this.#fill(bytes.subarray(0, count));
    else this.head.arrived(bytes.subarray(0, count));
    if (this.head.isTooLong) this.destroy(new Error('the answer is longer than it said'));
    this.#wake();
    this.#isPaused = this.#into === null && !this.#isCollecting && this.head.isWhole && !this.head.hasItsBody;
    return !this.#isPaused;
  }

  #readOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #fill(bytes: Uint8Array): void {
    const into = this.#into;
    if (into === null || bytes.byteLength === 0) return;
    if (bytes.byteLength > into.byteLength - this.#filled)
      return this.destroy(new Error('the answer is longer than it said'));
    into.set(bytes, this.#filled);
    this.#filled += bytes.byteLength;
  }

  #more(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => (this.#step = { resolve, reject }));
  }

  #wake(): void {
    const step = this.#step;
    this.#step = null;
    if (this.#failure === null) step?.resolve();
    else step?.reject(this.#failure);
  }
}
