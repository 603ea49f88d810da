import { Agent } from 'node:http';
import { type Clock, RunctlError } from '@runctl/core';
import { exchange, type WireAnswer } from './exchange.ts';

export type ImdsAnswer = WireAnswer;

/**
 * The instance metadata service in version 2, never in version 1. Every status is an answer. Rejects with RunctlError
 * `cloud-unreachable` when there is no answer in time or no session token, whose `details.status` is that of the refusal.
 */
export interface Imds {
  /** `path` below `/latest/`. */
  get(path: string): Promise<ImdsAnswer>;
  /** Ends the kept connection. */
  close(): void;
}

export interface ImdsOptions {
  /** `http://169.254.169.254`, or where AWS_EC2_METADATA_SERVICE_ENDPOINT points. */
  readonly endpoint: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Of one request, token and answer apart. */
  readonly timeoutMs?: number;
}

export const IMDS_ADDRESS = 'http://169.254.169.254';
/** The longest that IMDS gives (EC2 User Guide, "Use IMDSv2"). */
const TOKEN_TTL_S = 21_600;
/** A token is replaced this long before it ends. */
const TOKEN_MARGIN_MS = 60_000;

/** One keep-alive connection and one cached token, which is far below where EC2 throttles IMDS. */
export function createImds({ endpoint, clock, timeoutMs = 1500 }: ImdsOptions): Imds {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const base = `${endpoint.replace(/\/+$/, '')}/latest/`;
  let token: { readonly value: string; readonly validUntilMs: number } | null = null;

  const send = (method: 'GET' | 'PUT', path: string, headers: Record<string, string>): Promise<WireAnswer> =>
    exchange(base + path, { method, headers, agent, timeoutMs }).catch((error: unknown) => {
      throw unreachable(`IMDS does not answer ${path}`, { cause: error });
    });

  const currentToken = async (): Promise<string> => {
    if (token !== null && clock.monotonicMs() < token.validUntilMs) return token.value;
    const askedAtMs = clock.monotonicMs();
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_S) };
    const { status, body } = await send('PUT', 'api/token', ttl);
    if (status !== 200) throw unreachable(`IMDS refused a token with status ${status}`, { details: { status } });
    token = { value: body, validUntilMs: askedAtMs + TOKEN_TTL_S * 1000 - TOKEN_MARGIN_MS };
    return token.value;
  };

  return {
    async get(path) {
      const answer = await send('GET', path, { 'x-aws-ec2-metadata-token': await currentToken() });
      if (answer.status !== 401) return answer;
      // IMDS may forget its tokens.
      token = null;
      return send('GET', path, { 'x-aws-ec2-metadata-token': await currentToken() });
    },
    close: () => agent.destroy(),
  };
}

function unreachable(
  message: string,
  more: { readonly cause?: unknown; readonly details?: Record<string, unknown> },
): RunctlError {
  const hint =
    'IMDSv2 has to be on for this instance, and reachable (AWS_EC2_METADATA_SERVICE_ENDPOINT if that is set)';
  return new RunctlError('cloud-unreachable', message, { hint, ...more });
}
