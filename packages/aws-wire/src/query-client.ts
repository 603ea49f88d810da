import { type Clock, RunctlError } from '@runctl/core';
import type { AwsCredentials } from './credentials.ts';
import { exchange, type WireAnswer } from './exchange.ts';
import { isSkewed, ServiceClock } from './service-clock.ts';
import { RequestSigner, sha256Hex } from './signer.ts';

export interface QueryClientOptions {
  /** The name that signatures carry, such as `ec2`. */
  readonly service: string;
  /** Of the service's API, such as `2016-11-15`. */
  readonly version: string;
  readonly region: string;
  /** `https://ec2.us-east-1.amazonaws.com`, or where AWS_ENDPOINT_URL points. */
  readonly endpoint: string;
  /** Called for each request. */
  readonly credentials: () => Promise<AwsCredentials>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timeoutMs?: number;
}

export interface QueryCall {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface QueryAnswer {
  readonly status: number;
  readonly xml: string;
  /** The first error in the answer, also in one of status 200; null where there is none. */
  readonly errorCode: string | null;
}

const CONTENT_TYPE = 'application/x-www-form-urlencoded; charset=utf-8';

/**
 * Signed calls of one service's query API, without the SDK: a resident process pays 30 MB for that. Every status is an
 * answer. A refusal that a wrong date of this machine explains is asked again once, by the service's time, which is kept;
 * nothing else is repeated. Rejects with RunctlError `cloud-unreachable` when there is no answer in time, and with whatever
 * the credentials reject with.
 */
export class QueryClient {
  readonly #options: QueryClientOptions;
  readonly #url: URL;
  readonly #clock: ServiceClock;
  readonly #signer: RequestSigner;

  constructor(options: QueryClientOptions) {
    const { service, region } = options;
    this.#options = options;
    this.#url = new URL('/', options.endpoint);
    this.#clock = new ServiceClock(options.clock);
    this.#signer = new RequestSigner({ service, region, clock: this.#clock });
  }

  async call(call: QueryCall): Promise<QueryAnswer> {
    const signedAtMs = this.#clock.wallMs();
    let answer = await this.#ask(call);
    const { status, dateMs } = answer;
    // Services call the refusal by several names (RequestExpired, SignatureDoesNotMatch, …), so the times decide.
    if (status >= 400 && status < 500 && dateMs !== null && isSkewed(dateMs, signedAtMs)) {
      this.#clock.correct(dateMs);
      answer = await this.#ask(call);
    }
    return { status: answer.status, xml: answer.body, errorCode: elementText(answer.body, 'Code') };
  }

  async #ask({ action, parameters }: QueryCall): Promise<WireAnswer> {
    const { service, version, credentials, timeoutMs = 10_000 } = this.#options;
    const { hostname, port, href } = this.#url;
    const body = new URLSearchParams({ Action: action, ...parameters, Version: version }).toString();
    const request = {
      method: 'POST' as const,
      hostname,
      port: port === '' ? null : Number(port),
      path: '/',
      query: {},
      headers: { 'content-type': CONTENT_TYPE },
      payloadHash: sha256Hex(body),
    };
    const headers = this.#signer.sign(request, await credentials());
    return exchange(href, { method: 'POST', headers, body, timeoutMs }).catch((error: unknown) => {
      throw new RunctlError('cloud-unreachable', `${service.toUpperCase()} does not answer`, {
        hint: `this machine has to reach ${href}`,
        cause: error,
      });
    });
  }
}

/** The text between the first `<name>` and the next `</name>`; null where there is none. Elements may lie in it. */
export function elementText(xml: string, name: string): string | null {
  const start = xml.indexOf(`<${name}>`);
  const from = start + name.length + 2;
  const to = start < 0 ? -1 : xml.indexOf(`</${name}>`, from);
  return to < 0 ? null : xml.slice(from, to);
}
