import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '@runctl/core';
import type { Credentials } from '../credentials/credentials.ts';

/** What @smithy/signature-v4 hashes with: Node's own, plain or keyed. */
class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: Parameters<typeof createHmac>[1] | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret as Parameters<typeof createHmac>[1] | undefined;
    this.#hash = this.#begin();
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const EMPTY_PAYLOAD = sha256Hex(new Uint8Array());

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface SignableRequest {
  readonly method: string;
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  readonly port: number | null;
  /** Encoded as it is sent. */
  readonly path: string;
  /** Not encoded. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex, or UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
}

/**
 * Signature version 4 for S3. Keeps how far the machine's clock is off the service's, so that a machine with a wrong
 * date can still sign. The library keeps the day's signing key; a signature costs about 0.1 ms of CPU, which is 13 ms for
 * a GiB in parts of 8 MiB and so a hundredth of moving it.
 */
export class S3Signer {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #region: string;
  readonly #signatures = new WeakMap<Credentials, SignatureV4>();
  #offsetMs = 0;

  constructor(options: { readonly clock: Pick<Clock, 'wallMs'>; readonly region: string }) {
    this.#clock = options.clock;
    this.#region = options.region;
  }

  /** The headers to send, signature and date included. */
  async sign(request: SignableRequest, credentials: Credentials): Promise<Record<string, string>> {
    const { hostname, port } = request;
    const headers = {
      ...request.headers,
      host: port === null ? hostname : `${hostname}:${port}`,
      'x-amz-content-sha256': request.payloadHash,
    };
    const signed = await this.#signatureFor(credentials).sign(
      {
        method: request.method,
        protocol: request.protocol,
        hostname,
        path: request.path,
        query: { ...request.query },
        headers,
      },
      { signingDate: new Date(this.nowMs()) },
    );
    return signed.headers;
  }

  /** The time that requests are signed with. */
  nowMs(): number {
    return this.#clock.wallMs() + this.#offsetMs;
  }

  /** Takes the service's time from an answer that has just arrived. */
  correctClock(serverTimeMs: number): void {
    this.#offsetMs = serverTimeMs - this.#clock.wallMs();
  }

  #signatureFor(credentials: Credentials): SignatureV4 {
    const known = this.#signatures.get(credentials);
    if (known !== undefined) return known;
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const made = new SignatureV4({
      service: 's3',
      region: this.#region,
      sha256: Sha256,
      uriEscapePath: false,
      applyChecksum: false,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    });
    this.#signatures.set(credentials, made);
    return made;
  }
}
