import { EMPTY_PAYLOAD, queryString, RequestSigner, ServiceClock, sha256Hex, UNSIGNED_PAYLOAD } from '@runctl/aws-wire';
import type { Clock } from '@runctl/core';
import type { CredentialsProvider } from '../credentials/credentials.ts';
import { crc32OfBody } from '../port/crc32.ts';
import { bodySize, collect } from '../port/object-body.ts';
import type { ObjectBody } from '../port/object-store.ts';
import { type BucketAddress, bucketAddress, requestPath } from './endpoint.ts';
import { errorOf, failureInside, failureOf, isClockSkew, wantsNewCredentials } from './failures.ts';
import type { HttpAnswer, TransportOptions } from './http-call.ts';
import { HttpTransport } from './http-transport.ts';

export interface S3Options extends Partial<TransportOptions> {
  readonly bucket: string;
  readonly region: string;
  readonly credentials: CredentialsProvider;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** An S3 of its own, with the bucket in the path; AWS unless given. */
  readonly endpoint?: string | undefined;
  /** Called with the `Date` of each answer, epoch ms. */
  readonly onServerTime?: ((serverTimeMs: number) => void) | undefined;
}

export interface S3Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD';
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ObjectBody;
  /** Of the body, where the caller has it already; null where the header would mean something else. */
  readonly crc32?: string | null | undefined;
  readonly signal?: AbortSignal | undefined;
  /** S3 may work for minutes on the call before it answers. */
  readonly slow?: boolean;
  /** See `HttpCall`, like `repeatable`. */
  readonly into?: Uint8Array | undefined;
  readonly repeatable?: boolean | undefined;
}

/** Signed requests to one bucket. Mends a wrong clock and expired credentials once each; repeats nothing else. */
export class S3Client {
  readonly bucket: string;
  readonly #region: string;
  readonly #credentials: CredentialsProvider;
  readonly #address: BucketAddress;
  readonly #clock: ServiceClock;
  readonly #signer: RequestSigner;
  readonly #transport: HttpTransport;
  readonly #slowTimeoutMs: number;
  readonly #onServerTime: (serverTimeMs: number) => void;

  constructor(options: S3Options) {
    this.bucket = options.bucket;
    this.#region = options.region;
    this.#credentials = options.credentials;
    this.#address = bucketAddress(options.bucket, options.region, options.endpoint);
    this.#clock = new ServiceClock(options.clock);
    this.#signer = new RequestSigner({ service: 's3', region: options.region, clock: this.#clock });
    const idleTimeoutMs = options.idleTimeoutMs ?? 20_000;
    this.#slowTimeoutMs = idleTimeoutMs * 6;
    this.#onServerTime = options.onServerTime ?? (() => {});
    this.#transport = new HttpTransport(this.#address, {
      maxSockets: options.maxSockets ?? 64,
      connectTimeoutMs: options.connectTimeoutMs ?? 3000,
      idleTimeoutMs,
    });
  }

  /** Resolves with a success, whose body must be read or left; rejects with StoreError. */
  async call(call: S3Call): Promise<HttpAnswer> {
    const crc32 = await checksumOf(call);
    let refresh = false;
    let clockCorrected = false;
    for (;;) {
      const signedAtMs = this.#clock.wallMs();
      const answer = await this.#send(call, { crc32, refresh });
      if (answer.serverTimeMs !== null) this.#onServerTime(answer.serverTimeMs);
      if (answer.status < 300) return answer;
      const failure = failureOf(answer, await textOf(answer));
      if (!clockCorrected && failure.serverTimeMs !== null && isClockSkew(failure, signedAtMs)) {
        clockCorrected = true;
        this.#clock.correct(failure.serverTimeMs);
      } else if (!refresh && wantsNewCredentials(failure)) {
        refresh = true;
      } else throw this.#errorOf(failure, call);
    }
  }

  /** For answers of which only the text matters; fails also where an error hides in a success. */
  async callForText(call: S3Call): Promise<{ readonly text: string; readonly answer: HttpAnswer }> {
    const answer = await this.call(call);
    const text = await textOf(answer);
    const failure = failureInside(answer, text);
    if (failure !== null) throw this.#errorOf(failure, call);
    return { text, answer };
  }

  close(): void {
    this.#transport.close();
  }

  async #send(call: S3Call, options: { crc32: string | null; refresh: boolean }): Promise<HttpAnswer> {
    const { method, key, query = {}, body } = call;
    const path = requestPath(this.#address, key);
    const sized = body !== undefined || method === 'PUT' || method === 'POST';
    const headers = {
      ...call.headers,
      ...(options.crc32 === null ? {} : { 'x-amz-checksum-crc32': options.crc32 }),
      ...(sized ? { 'content-length': String(body === undefined ? 0 : bodySize(body)) } : {}),
    };
    const credentials = await this.#credentials({ refresh: options.refresh });
    const signed = this.#signer.sign(
      { ...this.#address, method, path, query, headers, payloadHash: this.#payloadHash(body) },
      credentials,
    );
    return this.#transport.send({
      method,
      path: path + queryString(query),
      headers: signed,
      body: body ?? null,
      key,
      signal: call.signal,
      idleTimeoutMs: call.slow ? this.#slowTimeoutMs : undefined,
      into: call.into,
      repeatable: call.repeatable,
    });
  }

  /** TLS protects the bytes and the CRC goes with them, so hashing them again is spared where there is TLS. */
  #payloadHash(body: ObjectBody | undefined): string {
    if (body === undefined) return EMPTY_PAYLOAD;
    const hashed = this.#address.protocol === 'http:' && body instanceof Uint8Array;
    return hashed ? sha256Hex(body) : UNSIGNED_PAYLOAD;
  }

  #errorOf(failure: ReturnType<typeof failureOf>, call: S3Call) {
    const { bucket } = this;
    return errorOf(failure, { bucket, region: this.#region, key: call.key, operation: call.method });
  }
}

async function checksumOf({ body, crc32, key }: S3Call): Promise<string | null> {
  return body === undefined || crc32 === null ? null : (crc32 ?? (await crc32OfBody(body, key ?? '')));
}

async function textOf(answer: HttpAnswer): Promise<string> {
  return Buffer.from(await collect(answer.body)).toString('utf8');
}
