import { type Clock, RunctlError } from '@runctl/core';
import type { AwsCredentials } from './credentials.ts';
import { exchange, type ExchangeRequest, type WireAnswer } from './exchange.ts';
import { isSkewed, ServiceClock } from './service-clock.ts';
import { RequestSigner, sha256Hex } from './signer.ts';
import { queryString } from './uri.ts';

export interface SignedExchangeOptions {
  /** The name that signatures carry, such as `ec2`. */
  readonly service: string;
  readonly region: string;
  /** `https://ec2.us-east-1.amazonaws.com`, or where AWS_ENDPOINT_URL points. */
  readonly endpoint: string;
  /** Called for each request. */
  readonly credentials: () => Promise<AwsCredentials>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timeoutMs?: number;
}

export interface UnsignedRequest {
  readonly method: ExchangeRequest['method'];
  /** Encoded as it is sent, behind the path of the endpoint. */
  readonly path: string;
  /** Not encoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Small signed requests to one service. Every status is an answer. A refusal that a wrong date of this machine explains is
 * asked again once, by the service's time, which is kept; nothing else is repeated. Rejects with RunctlError
 * `cloud-unreachable` when there is no answer in time, and with whatever the credentials reject with.
 */
export class SignedExchange {
  readonly #options: SignedExchangeOptions;
  readonly #url: URL;
  readonly #clock: ServiceClock;
  readonly #signer: RequestSigner;

  constructor(options: SignedExchangeOptions) {
    const { service, region } = options;
    this.#options = options;
    this.#url = new URL(options.endpoint);
    this.#clock = new ServiceClock(options.clock);
    this.#signer = new RequestSigner({ service, region, clock: this.#clock });
  }

  async send(request: UnsignedRequest): Promise<WireAnswer> {
    const signedAtMs = this.#clock.wallMs();
    const answer = await this.#ask(request);
    const { status, dateMs } = answer;
    // Services call the refusal by several names (RequestExpired, SignatureDoesNotMatch, …), so the times decide.
    if (status < 400 || status >= 500 || dateMs === null || !isSkewed(dateMs, signedAtMs)) return answer;
    this.#clock.correct(dateMs);
    return this.#ask(request);
  }

  async #ask({ method, path, query = {}, headers: own, body }: UnsignedRequest): Promise<WireAnswer> {
    const { service, credentials, timeoutMs = 10_000 } = this.#options;
    const { hostname, port, origin, pathname } = this.#url;
    const signable = {
      method,
      hostname,
      port: port === '' ? null : Number(port),
      path: pathname.replace(/\/$/, '') + path,
      query,
      headers: own,
      payloadHash: sha256Hex(body),
    };
    const headers = this.#signer.sign(signable, await credentials());
    const url = origin + signable.path + queryString(query);
    return exchange(url, { method, headers, body, timeoutMs }).catch((error: unknown) => {
      throw new RunctlError('cloud-unreachable', `${service.toUpperCase()} does not answer`, {
        hint: `this machine has to reach ${origin}/`,
        cause: error,
      });
    });
  }
}
