import { createHmac, hash } from 'node:crypto';
import type { Clock } from '@runctl/core';
import type { Credentials } from '../credentials/credentials.ts';
import { queryPairs } from './endpoint.ts';

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const EMPTY_PAYLOAD = sha256Hex(new Uint8Array());

export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

export interface SignableRequest {
  readonly method: string;
  readonly hostname: string;
  readonly port: number | null;
  /** Encoded as it is sent. */
  readonly path: string;
  /** Not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case, values as they are sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex, or UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
}

interface DayKey {
  readonly day: string;
  readonly key: HmacKey;
}

/**
 * Signature version 4 for S3, in the header form
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Written out here because a signature by
 * @smithy/signature-v4 takes five times the CPU (about 75 µs against 15), and a folder of small files is thousands of them;
 * the sandbox checks ours with that library. Keeps how far the machine's clock is off the service's, so that a machine with a wrong date can still sign.
 */
export class S3Signer {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #region: string;
  readonly #dayKeys = new WeakMap<Credentials, DayKey>();
  #offsetMs = 0;
  #second = { number: Number.NaN, text: '' };

  constructor(options: { readonly clock: Pick<Clock, 'wallMs'>; readonly region: string }) {
    this.#clock = options.clock;
    this.#region = options.region;
  }

  /** The headers to send, signature and date included. */
  sign(request: SignableRequest, credentials: Credentials): Record<string, string> {
    const { hostname, port, payloadHash } = request;
    const time = this.#time();
    const day = time.slice(0, 8);
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    const { accessKeyId, sessionToken } = credentials;
    const headers: Record<string, string> = {
      ...request.headers,
      host: port === null ? hostname : `${hostname}:${port}`,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': time,
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    };
    const names = Object.keys(headers).sort();
    const signedNames = names.join(';');
    const canonical = [
      request.method,
      request.path,
      queryPairs(request.query).join('&'),
      ...names.map((name) => `${name}:${singleSpaced(headers[name] ?? '')}`),
      '',
      signedNames,
      payloadHash,
    ].join('\n');
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256Hex(canonical)}`;
    const signature = hmacHex(this.#keyOf(credentials, day), toSign);
    headers['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`;
    return headers;
  }

  /** As signatures have it. */
  #time(): string {
    const second = Math.floor(this.nowMs() / 1000);
    if (this.#second.number !== second)
      this.#second = { number: second, text: new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, '') };
    return this.#second.text;
  }

  /** The time that requests are signed with. */
  nowMs(): number {
    return this.#clock.wallMs() + this.#offsetMs;
  }

  /** Takes the service's time from an answer that has just arrived. */
  correctClock(serverTimeMs: number): void {
    this.#offsetMs = serverTimeMs - this.#clock.wallMs();
  }

  /** One key serves a day. */
  #keyOf(credentials: Credentials, day: string): HmacKey {
    const known = this.#dayKeys.get(credentials);
    if (known?.day === day) return known.key;
    const key = [day, this.#region, 's3', 'aws4_request'].reduce<Buffer>(
      (secret, text) => createHmac('sha256', secret).update(text).digest(),
      Buffer.from(`AWS4${credentials.secretAccessKey}`),
    );
    const made = hmacKey(key);
    this.#dayKeys.set(credentials, { day, key: made });
    return made;
  }
}

/** A key as HMAC's inner and outer hash begin with it (RFC 2104 §2), for SHA-256. */
interface HmacKey {
  readonly inner: Buffer;
  /** With room for the inner hash. */
  readonly outer: Buffer;
}

const BLOCK_BYTES = 64;

function hmacKey(key: Buffer): HmacKey {
  const inner = Buffer.alloc(BLOCK_BYTES, 0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + 32, 0x5c);
  for (const [index, byte] of key.entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  return { inner, outer };
}

/** Two hashes in one go each: `createHmac` makes objects for every signature that cost as much as the hashing. */
function hmacHex({ inner, outer }: HmacKey, text: string): string {
  outer.set(hash('sha256', Buffer.concat([inner, Buffer.from(text, 'latin1')]), 'buffer'), BLOCK_BYTES);
  return hash('sha256', outer, 'hex');
}

function singleSpaced(value: string): string {
  return value.includes('  ') ? value.trim().replace(/ +/g, ' ') : value.trim();
}
