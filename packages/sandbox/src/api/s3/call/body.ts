import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { PayloadProtection } from '../../../wire/signature.ts';
import { decodeAwsChunked } from './aws-chunked.ts';
import type { BlobFolder, Segment } from '../../../model/s3/blobs.ts';
import type { CallHeaders } from './call.ts';
import { createDigest, type ChecksumAlgorithm, type Digest } from '../../../model/s3/checksums.ts';
import { assertChecksumText, checksumDemandOf, checksumHeader, type ChecksumDemand } from './checksum-demand.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import { paced } from './pacing.ts';

/** S3's limit for one PutObject or UploadPart. */
const MAX_BODY_BYTES = 5 * 1024 ** 3;
/** Documents: CompleteMultipartUpload with 10,000 parts stays below. */
const MAX_DOCUMENT_BYTES = 8 * 1024 ** 2;

export interface BodyOptions {
  readonly payload: PayloadProtection;
  readonly headers: CallHeaders;
  /** Bytes a second at which the body is read; undefined reads as fast as it comes. */
  readonly bytesPerSecond: number | undefined;
}

/** A received body, with the checksums that were computed on the way. */
export interface Received {
  readonly segment: Segment;
  readonly md5: Buffer;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string };
}

/** A request's body with its framing taken off. It can be read once, and every promise that the headers made is checked. */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #options: BodyOptions;
  #trailers: ReadonlyMap<string, string> = new Map();

  constructor(request: IncomingMessage, options: BodyOptions) {
    this.#request = request;
    this.#options = options;
  }

  /** Size after decoding, as the client announces it. */
  get declaredBytes(): number | undefined {
    const { headers, payload } = this.#options;
    const text = payload.kind === 'chunked' ? headers['x-amz-decoded-content-length'] : headers['content-length'];
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** The checksum that the client asks for, if it does. */
  get checksumDemand(): ChecksumDemand | undefined {
    return checksumDemandOf(this.#options.headers);
  }

  /**
   * Streams the body to a file. The checksum that comes back is of the algorithm `kept`; without it, of the client's, or
   * S3's own choice when the client has none. A checksum that the client sent is verified in any case.
   */
  async receive(blobs: BlobFolder, kept?: ChecksumAlgorithm): Promise<Received> {
    const declared = this.declaredBytes;
    if (declared === undefined) throw new S3Error('MissingContentLength');
    if (declared > MAX_BODY_BYTES)
      throw new S3Error('EntityTooLarge', { fields: { ProposedSize: declared, MaxSizeAllowed: MAX_BODY_BYTES } });
    const demand = this.checksumDemand;
    const algorithm = kept ?? demand?.algorithm ?? 'CRC64NVME';
    const digests = digestsFor(this.#options.payload, demand?.algorithm ?? algorithm);
    const extra = demand !== undefined && demand.algorithm !== algorithm ? createDigest(algorithm) : undefined;
    digests.extra = extra;
    const segment = await blobs.write(this.#checked(digests, demand));
    return {
      segment,
      md5: digests.md5.digest(),
      checksum: { algorithm, value: extra?.digest().toString('base64') ?? digests.computed() },
    };
  }

  /**
   * Reads a small body, such as a request's XML, into memory. A checksum in the headers is held against the body, unless
   * it is `of` the object that the request makes.
   */
  async text({ of = 'body' }: { readonly of?: 'body' | 'object' } = {}): Promise<string> {
    const demand = of === 'body' ? this.checksumDemand : undefined;
    const digests = digestsFor(this.#options.payload, demand?.algorithm);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of this.#checked(digests, demand)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_DOCUMENT_BYTES) throw new S3Error('MalformedXML');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Yields the data and throws at its end, before the consumer may act on it, if anything does not match. */
  async *#checked(digests: Digests, demand: ChecksumDemand | undefined): AsyncGenerator<Buffer> {
    const { declaredBytes } = this;
    let sizeBytes = 0;
    for await (const chunk of this.#decoded()) {
      sizeBytes += chunk.length;
      digests.md5.update(chunk);
      digests.sha256?.update(chunk);
      digests.checksum?.update(chunk);
      digests.extra?.update(chunk);
      yield chunk;
    }
    if (declaredBytes !== undefined && sizeBytes !== declaredBytes)
      throw new S3Error('IncompleteBody', {
        fields: { NumberBytesExpected: declaredBytes, NumberBytesGot: sizeBytes },
      });
    this.#checkPayloadHash(digests.sha256?.digest('hex'));
    this.#checkMd5(digests.md5.copy().digest('base64'));
    if (demand !== undefined) this.#checkChecksum(demand, digests.computed());
  }

  #decoded(): AsyncIterable<Buffer> {
    const { payload, bytesPerSecond } = this.#options;
    const raw = bytesPerSecond === undefined ? this.#raw() : paced(this.#raw(), bytesPerSecond);
    if (payload.kind !== 'chunked') return raw;
    return decodeAwsChunked(raw, {
      seed: payload.seed,
      trailer: payload.trailer,
      onTrailers: (trailers) => {
        this.#trailers = trailers;
      },
    });
  }

  async *#raw(): AsyncGenerator<Buffer> {
    try {
      // Not destroyed on an early end: the connection lives on, and the rest of the body is discarded by Node.
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
    } catch (error) {
      throw new S3Error('RequestTimeout', { message: `The body ended early: ${String(error)}` });
    }
  }

  #checkPayloadHash(actual: string | undefined): void {
    const { payload } = this.#options;
    if (payload.kind !== 'sha256' || actual === payload.hex) return;
    throw new S3Error('XAmzContentSHA256Mismatch', {
      fields: { ClientComputedContentSHA256: payload.hex, S3ComputedContentSHA256: actual ?? '' },
    });
  }

  #checkMd5(actual: string): void {
    const expected = this.#options.headers['content-md5'];
    if (expected === undefined || expected === actual) return;
    if (Buffer.from(expected, 'base64').length !== 16) throw new S3Error('InvalidDigest');
    throw new S3Error('BadDigest', {
      message: 'The Content-MD5 you specified did not match what we received.',
      fields: { ExpectedDigest: expected, CalculatedDigest: actual },
    });
  }

  #checkChecksum(demand: ChecksumDemand, actual: string): void {
    const name = checksumHeader(demand.algorithm);
    const expected = demand.inTrailer ? this.#trailers.get(name) : demand.expected;
    if (demand.inTrailer && expected === undefined)
      throw new S3Error('MalformedTrailerError', { message: `The trailer ${name} that was announced is missing.` });
    if (expected === undefined) return;
    assertChecksumText(demand.algorithm, expected);
    if (expected === actual) return;
    throw new S3Error('BadDigest', {
      message: `The ${demand.algorithm} you specified did not match the calculated checksum.`,
    });
  }
}

interface Digests {
  readonly md5: Hash;
  readonly sha256: Hash | undefined;
  readonly checksum: Digest | undefined;
  /** A second checksum, of another algorithm than the one the client sent. */
  extra: Digest | undefined;
  /** The checksum in base64; final once asked for. */
  computed(): string;
}

/** Makes only the digests that are needed: each costs as much time as receiving the body. */
function digestsFor(payload: PayloadProtection, algorithm: ChecksumAlgorithm | undefined): Digests {
  const checksum = algorithm && createDigest(algorithm);
  let computed: string | undefined;
  return {
    md5: createHash('md5'),
    sha256: payload.kind === 'sha256' ? createHash('sha256') : undefined,
    checksum,
    extra: undefined,
    computed: () => (computed ??= checksum?.digest().toString('base64') ?? ''),
  };
}
