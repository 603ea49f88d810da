import { Agent, request } from 'node:http';
import type { Clock } from '@runctl/core';

export interface ImdsAnswer {
  readonly status: number;
  readonly body: string;
  /** The answer's `Date`, epoch ms; null when it had none that can be read. */
  readonly dateMs: number | null;
}

/** IMDSv2. Rejects when there is no answer in time; every status is an answer. */
export interface Imds {
  /** `path` below `/latest/`. */
  get(path: string): Promise<ImdsAnswer>;
  close(): void;
}

export interface ImdsOptions {
  /** `http://169.254.169.254`, or where AWS_EC2_METADATA_SERVICE_ENDPOINT points. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

export const IMDS_ADDRESS = 'http://169.254.169.254';
const TOKEN_TTL_S = 21_600;
/** A token is replaced this long before it ends. */
const TOKEN_MARGIN_MS = 60_000;

/** One keep-alive connection and one cached token, which is far below where EC2 throttles IMDS. */
export function createImds({ endpoint, clock, timeoutMs = 1500 }: ImdsOptions): Imds {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const base = endpoint.replace(/\/+$/, '');
  let token: { readonly value: string; readonly validUntilMs: number } | null = null;

  const send = (method: string, path: string, headers: Record<string, string>): Promise<ImdsAnswer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${base}/latest/${path}`, { method, headers, agent }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, body, dateMs: dateOf(response.headers.date) });
        });
      });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      // Also covers an answer that trickles: the socket's own timeout would start again with every byte.
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`IMDS did not answer ${path} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      outgoing.on('error', fail);
      outgoing.end();
    });

  const currentToken = async (): Promise<string> => {
    if (token !== null && clock.monotonicMs() < token.validUntilMs) return token.value;
    const askedAtMs = clock.monotonicMs();
    const answer = await send('PUT', 'api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_S) });
    if (answer.status !== 200) throw new Error(`IMDS refused a token with status ${answer.status}`);
    token = { value: answer.body, validUntilMs: askedAtMs + TOKEN_TTL_S * 1000 - TOKEN_MARGIN_MS };
    return token.value;
  };

  return {
    async get(path) {
      const answer = await send('GET', path, { 'x-aws-ec2-metadata-token': await currentToken() });
      if (answer.status !== 401) return answer;
      token = null;
      return send('GET', path, { 'x-aws-ec2-metadata-token': await currentToken() });
    },
    close: () => agent.destroy(),
  };
}

function dateOf(header: string | undefined): number | null {
  const ms = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(ms) ? null : ms;
}
