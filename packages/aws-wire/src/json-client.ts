import { SignedExchange, type SignedExchangeOptions } from './signed-exchange.ts';

export interface JsonClientOptions extends SignedExchangeOptions {
  /** What stands before the action's name in `X-Amz-Target`: `ServiceQuotasV20190624`. */
  readonly target: string;
}

export interface JsonAnswer {
  readonly status: number;
  /** What the body says; null where it is no JSON. */
  readonly content: unknown;
  /** `__type` of a refusal, without its name space; null where there is none. */
  readonly errorCode: string | null;
}

/** Signed calls of one service's JSON 1.1 API, without the SDK. Answers and rejects as a QueryClient. */
export class JsonClient {
  readonly #target: string;
  readonly #exchange: SignedExchange;

  constructor(options: JsonClientOptions) {
    this.#target = options.target;
    this.#exchange = new SignedExchange(options);
  }

  async call(action: string, input: Readonly<Record<string, unknown>>): Promise<JsonAnswer> {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${this.#target}.${action}` };
    const request = { method: 'POST' as const, path: '/', headers, body: JSON.stringify(input) };
    const { status, body } = await this.#exchange.send(request);
    const content = parsed(body);
    const type = (content as { __type?: unknown } | null)?.__type;
    const errorCode = typeof type === 'string' ? (type.split('#').at(-1) ?? type) : null;
    return { status, content, errorCode };
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
