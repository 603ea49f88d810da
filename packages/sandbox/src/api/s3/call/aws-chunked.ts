import { createHash, createHmac, type Hash } from 'node:crypto';
import type { ChunkSeed } from '../../../wire/signature.ts';
import { S3Error } from '../../../model/s3/errors.ts';

const EMPTY_SHA256 = createHash('sha256').digest('hex');
/** S3: only the last chunk may be smaller. */
const MIN_CHUNK_BYTES = 8192;
const MAX_LINE_BYTES = 4096;
const MAX_TRAILERS = 20;

export interface AwsChunkedOptions {
  readonly seed: ChunkSeed | null;
  readonly trailer: boolean;
  /** Receives the trailers, lower-cased, once the last chunk was read. */
  readonly onTrailers: (trailers: ReadonlyMap<string, string>) => void;
}

/**
 * Takes the frames of `content-encoding: aws-chunked` off a body and yields the data, without copying it.
 * Every chunk's signature is checked when the upload has them; a chunk that fails throws SignatureDoesNotMatch.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  options: AwsChunkedOptions,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source);
  try {
    yield* decode(reader, options);
  } finally {
    // Lets go of the request, so that what is left of a refused body can be discarded.
    await reader.close();
  }
}

async function* decode(reader: ByteReader, options: AwsChunkedOptions): AsyncGenerator<Buffer> {
  const signatures = options.seed === null ? null : new ChunkSignatures(options.seed);
  let previousSize = Number.POSITIVE_INFINITY;
  for (;;) {
    const { size, signature } = parseChunkLine(await reader.line());
    if (size === 0) {
      // With trailers, the signature of the empty last chunk is still there; the trailers have one of their own.
      signatures?.check(signature, EMPTY_SHA256);
      break;
    }
    if (previousSize < MIN_CHUNK_BYTES) throw new S3Error('InvalidChunkSizeError');
    previousSize = size;
    const hash: Hash | null = signatures === null ? null : createHash('sha256');
    for (let left = size; left > 0;) {
      const piece = await reader.take(left);
      left -= piece.length;
      hash?.update(piece);
      yield piece;
    }
    if (hash !== null) signatures?.check(signature, hash.digest('hex'));
    if ((await reader.line()) !== '') throw malformed();
  }
  options.onTrailers(await readTrailers(reader, { signatures, expected: options.trailer }));
}

async function readTrailers(
  reader: ByteReader,
  options: { signatures: ChunkSignatures | null; expected: boolean },
): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  let signed = '';
  for (;;) {
    // The empty line after the trailers is left out by some clients at the very end of the body.
    const line = await reader.line({ endAllowed: true });
    if (line === '') break;
    const colon = line.indexOf(':');
    if (colon <= 0 || !options.expected || trailers.size === MAX_TRAILERS) throw new S3Error('MalformedTrailerError');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    trailers.set(name, value);
    if (name !== 'x-amz-trailer-signature') signed += `${name}:${value}\n`;
  }
  if (options.expected) options.signatures?.checkTrailers(trailers.get('x-amz-trailer-signature'), signed);
  return trailers;
}

function parseChunkLine(line: string): { size: number; signature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (match?.[1] === undefined) throw malformed();
  return { size: Number.parseInt(match[1], 16), signature: match[2] };
}

function malformed(): S3Error {
  return new S3Error('InvalidRequest', { message: 'The body is not valid aws-chunked data.' });
}

/** The running chain of chunk signatures: each one signs the one before it. */
class ChunkSignatures {
  readonly #seed: ChunkSeed;
  #previous: string;

  constructor(seed: ChunkSeed) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  check(signature: string | undefined, dataSha256: string): void {
    this.#advance('AWS4-HMAC-SHA256-PAYLOAD', signature, [EMPTY_SHA256, dataSha256]);
  }

  checkTrailers(signature: string | undefined, text: string): void {
    this.#advance('AWS4-HMAC-SHA256-TRAILER', signature, [createHash('sha256').update(text).digest('hex')]);
  }

  #advance(kind: string, signature: string | undefined, hashes: readonly string[]): void {
    const { timestamp, scope, signingKey } = this.#seed;
    const text = [kind, timestamp, scope, this.#previous, ...hashes].join('\n');
    const expected = createHmac('sha256', signingKey).update(text).digest('hex');
    if (signature !== expected) throw new S3Error('SignatureDoesNotMatch', { fields: { StringToSign: text } });
    this.#previous = expected;
  }
}

/** Pulls lines and runs of bytes out of a stream of buffers. */
class ByteReader {
  readonly #iterator: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  async #fill(): Promise<boolean> {
    const next = await this.#iterator.next();
    if (next.done === true) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  /** The next line without its CRLF. */
  async line(options: { endAllowed?: boolean } = {}): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf(10);
      if (end >= 0) {
        const line = this.#buffer.toString('latin1', 0, end).replace(/\r$/, '');
        this.#buffer = this.#buffer.subarray(end + 1);
        return line;
      }
      if (this.#buffer.length > MAX_LINE_BYTES) throw malformed();
      if (await this.#fill()) continue;
      if (options.endAllowed === true && this.#buffer.length === 0) return '';
      throw new S3Error('IncompleteBody');
    }
  }

  /** At least one and at most `limit` bytes. */
  async take(limit: number): Promise<Buffer> {
    while (this.#buffer.length === 0) if (!(await this.#fill())) throw new S3Error('IncompleteBody');
    const piece = this.#buffer.subarray(0, limit);
    this.#buffer = this.#buffer.subarray(piece.length);
    return piece;
  }
}
