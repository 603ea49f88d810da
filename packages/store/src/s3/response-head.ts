import { NotUnderstood, readChunked } from './chunked-body.ts';

const NO_HEADERS: ReadonlyMap<string, string> = new Map();
const END = Buffer.from('\r\n\r\n');
/** A head has some hundred bytes; TLS may hand out what it has decrypted already after it was told to stop. */
const SCRATCH_BYTES = 256 * 1024;

/** The beginning of an HTTP/1.1 answer as it arrives, and what came of the body with it. */
export class ResponseHead {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #filled = 0;
  #bodyStart: number | null = null;
  #status = 0;
  #headers: ReadonlyMap<string, string> = NO_HEADERS;
  #plainLength: number | null = null;

  /** Forgets the last answer. */
  begin(): void {
    this.#filled = 0;
    this.#bodyStart = null;
    this.#status = 0;
    this.#headers = NO_HEADERS;
    this.#plainLength = null;
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

  /** Names in lower case. Of this answer also after the next has begun. */
  get headers(): ReadonlyMap<string, string> {
    return this.#headers;
  }

  /** Length of the body of an answer to GET or PUT that tells it beforehand; null for every other answer. */
  get plainLength(): number | null {
    return this.#plainLength;
  }

  get closes(): boolean {
    return this.#headers.get('connection')?.toLowerCase() === 'close';
  }

  get isChunked(): boolean {
    return this.#headers.get('transfer-encoding')?.toLowerCase() === 'chunked' && !this.#headers.has('content-length');
  }

  /** Nothing more is to come. */
  get hasItsBody(): boolean {
    return this.plainLength === this.#filled - (this.#bodyStart ?? 0);
  }

  /** A copy of the body once all of it has come with its head; null until then. Throws NotUnderstood. */
  body(): Uint8Array | null {
    const rest = this.rest();
    const length = this.plainLength;
    const whole = length === null ? readChunked(rest) : { content: Buffer.from(rest), length };
    if (whole === null || rest.byteLength < whole.length) return null;
    if (rest.byteLength > whole.length) throw new NotUnderstood('the answer is longer than it said');
    return whole.content;
  }

  /** The bytes behind the head that have come with it. */
  rest(): Buffer {
    return this.#scratch.subarray(this.#bodyStart ?? this.#filled, this.#filled);
  }

  #parse(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    this.#status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1] ?? 0);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      // Two lengths are a trap (RFC 9112 §6.3): kept together they are no number any more.
      const before = headers.get(name);
      const value = line.slice(colon + 1).trim();
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    this.#headers = headers;
    const length = headers.get('content-length') ?? '';
    const isPlain = this.#status >= 200 && this.#status !== 204 && this.#status !== 304;
    this.#plainLength = isPlain && /^\d+$/.test(length) && !headers.has('transfer-encoding') ? Number(length) : null;
  }
}
