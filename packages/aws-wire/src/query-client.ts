import { SignedExchange, type SignedExchangeOptions } from './signed-exchange.ts';

export interface QueryClientOptions extends SignedExchangeOptions {
  /** Of the service's API, such as `2016-11-15`. */
  readonly version: string;
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
 * answer; what is asked again is said at `SignedExchange`. Rejects with RunctlError `cloud-unreachable` when there is no
 * answer in time, and with whatever the credentials reject with.
 */
export class QueryClient {
  readonly #version: string;
  readonly #exchange: SignedExchange;

  constructor(options: QueryClientOptions) {
    this.#version = options.version;
    this.#exchange = new SignedExchange(options);
  }

  async call({ action, parameters }: QueryCall): Promise<QueryAnswer> {
    const body = new URLSearchParams({ Action: action, ...parameters, Version: this.#version }).toString();
    const request = { method: 'POST' as const, path: '/', headers: { 'content-type': CONTENT_TYPE }, body };
    const answer = await this.#exchange.send(request);
    return { status: answer.status, xml: answer.body, errorCode: elementText(answer.body, 'Code') };
  }
}

/** The text between the first `<name>` and the next `</name>`; null where there is none. Elements may lie in it. */
export function elementText(xml: string, name: string): string | null {
  const start = xml.indexOf(`<${name}>`);
  const from = start + name.length + 2;
  const to = start < 0 ? -1 : xml.indexOf(`</${name}>`, from);
  return to < 0 ? null : xml.slice(from, to);
}
