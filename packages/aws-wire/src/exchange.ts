import { type Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** An answer with its whole text. Every status is an answer. */
export interface WireAnswer {
  readonly status: number;
  readonly body: string;
  /** The answer's `Date`, epoch ms; null when it had none that can be read. */
  readonly dateMs: number | null;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Keeps connections; without one each request has its own. */
  readonly agent?: Agent;
  /** From the request's start to the answer's last byte. */
  readonly timeoutMs: number;
}

/** Makes one small request; for documents, never for data. Rejects when the answer is not there in time. */
export function exchange(
  url: string,
  { method, headers, body, agent, timeoutMs }: ExchangeRequest,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = send(url, { method, headers, ...(agent === undefined ? {} : { agent }) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', fail);
      response.on('end', () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, body: text, dateMs: httpDateMs(response.headers.date) });
      });
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    // Also covers an answer that trickles: the socket's own timeout would start again with every byte.
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`no answer from ${url} within ${timeoutMs} ms`));
    }, timeoutMs);
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** The time in a `Date` header, epoch ms; null where there is none that can be read. */
export function httpDateMs(header: string | null | undefined): number | null {
  const ms = Date.parse(header ?? '');
  return Number.isNaN(ms) ? null : ms;
}
