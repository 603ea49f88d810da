import type { IncomingHttpHeaders } from 'node:http';

const END = Buffer.from('\r\n\r\n');
/** A head has some hundred bytes; TLS may hand out what it has decrypted already after it was told to stop. */
const SCRATCH_BYTES = 256 * 1024;

/** The beginning of an HTTP/1.1 answer as it arrives, and what came of the body with it. */
export class ResponseHead {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #filled = 0;
  #bodyStart: number | null = null;
  #status = 0;
  #headers: IncomingHttpHeaders = {};

  /** Forgets the last answer. */
  begin(): void {
    this.#filled = 0;
    this.#bodyStart = null;
    this.#status = 0;
    this.#headers = {};
  }

  /** Where the next bytes are to be put. Empty when an answer is longer than any that is expected. */
  room(): Uint8Array {
    return this.#scratch.subarray(this.#filled);
  }

  isRoom(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#scratch.buffer;
  }

  /** Bytes that were put into a room, be it the one before `begin`. */
  arrived(bytes: Uint8Array): void {
    const searchFrom = Math.max(0, this.#filled - END.byteLength);
    this.#scratch.set(bytes, this.#filled);
    this.#filled += bytes.byteLength;
    if (this.#bodyStart !== null) return;
    const end = this.#scratch.subarray(0, this.#filled).indexOf(END, searchFrom);
    if (end < 0) return;
    this.#bodyStart = end + END.byteLength;
    this.#parse(this.#scratch.toString('latin1', 0, end));
  }

  get isEmpty(): boolean {
    return this.#filled === 0;
  }

  get isWhole(): boolean {
    return this.#bodyStart !== null;
  }

  /** Neither a head nor the little that may follow it has so many bytes. */
  get isTooLong(): boolean {
    return this.#filled === SCRATCH_BYTES;
  }

  /** 0 where the first line is not one of HTTP/1.1. */
  get status(): number {
    return this.#status;
  }

  header(name: string): string | null {
    const value = this.#headers[name];
    return typeof value === 'string' ? value : null;
  }

  /** Length of the body of a plain partial answer of at most `limit` bytes; null for every other answer. */
  partialLength(limit: number): number | null {
    const told = this.header('content-length');
    if (this.#status !== 206 || told === null || !/^\d+$/.test(told) || this.header('transfer-encoding') !== null)
      return null;
    return Number(told) <= limit ? Number(told) : null;
  }

  get closes(): boolean {
    return this.header('connection')?.toLowerCase() === 'close';
  }

  /** The bytes behind the head that have come with it. */
  rest(): Uint8Array {
    return this.#scratch.subarray(this.#bodyStart ?? this.#filled, this.#filled);
  }

  #parse(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    this.#status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1] ?? 0);
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      // Two lengths are a trap (RFC 9112 §6.3): kept together they are no number any more.
      const before = this.header(name);
      const value = line.slice(colon + 1).trim();
      this.#headers[name] = before === null ? value : `${before}, ${value}`;
    }
  }
}
