import { Agent, request } from 'node:http';
import type { Credentials } from '@runctl/aws-wire';
import { type Clock, messageOf, retry, type RetryPolicy } from '@runctl/core';
import { StoreError } from '../object-store.ts';
import type { CredentialsProvider } from './credentials.ts';

export const defaultMetadataEndpoint = 'http://169.254.169.254';

export interface InstanceCredentialsOptions {
  readonly clock: Clock;
  /** `AWS_EC2_METADATA_SERVICE_ENDPOINT`; a link-local address unless given. */
  readonly endpoint?: string | undefined;
  readonly retry?: RetryPolicy;
  /** Renew this long before the end; never under the five minutes after which EC2 itself offers the next ones. */
  readonly renewBeforeMs?: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly dateMs: number | null;
}

interface Kept {
  readonly credentials: Credentials;
  /** Monotonic: the machine's own date may be wrong, so lifetimes are counted from the answer's `Date`. */
  readonly endsAtMs: number;
}

const TOKEN_LIFETIME_S = 21_600;
const REQUEST_TIMEOUT_MS = 1000;
/** After a failed renewal the credentials at hand serve this long before the next try. */
const RENEWAL_PAUSE_MS = 15_000;

/**
 * Credentials of the instance's role by IMDSv2, and never by v1. Renewed before they end; while a renewal fails, those at
 * hand go on being used, since a service that still takes them is worth more than a guess.
 */
export function instanceCredentials(options: InstanceCredentialsOptions): CredentialsProvider {
  const { clock } = options;
  const metadata = new MetadataClient(options.endpoint ?? defaultMetadataEndpoint, clock);
  const renewBeforeMs = Math.max(300_000, options.renewBeforeMs ?? 600_000);
  const policy = options.retry ?? { attempts: 5, baseMs: 200, maxMs: 2000 };
  let kept: Kept | null = null;
  let nextTryAtMs = 0;
  let pending: Promise<Credentials> | null = null;

  const renew = async (): Promise<Credentials> => {
    try {
      kept = await retry(() => readRoleCredentials(metadata, clock), { policy, clock, retryable: isTransient });
      nextTryAtMs = 0;
      return kept.credentials;
    } catch (error) {
      nextTryAtMs = clock.monotonicMs() + RENEWAL_PAUSE_MS;
      if (kept !== null && kept.endsAtMs > clock.monotonicMs()) return kept.credentials;
      throw error;
    } finally {
      pending = null;
    }
  };

  return async ({ refresh = false } = {}) => {
    const nowMs = clock.monotonicMs();
    if (kept !== null && !refresh) {
      const fresh = kept.endsAtMs - nowMs > renewBeforeMs;
      const waiting = nowMs < nextTryAtMs && kept.endsAtMs > nowMs;
      if (fresh || waiting) return kept.credentials;
    }
    return (pending ??= renew());
  };
}

async function readRoleCredentials(metadata: MetadataClient, clock: Clock): Promise<Kept> {
  const folder = '/latest/meta-data/iam/security-credentials/';
  const role = await metadata.read(folder);
  const name = role.text.split('\n')[0]?.trim() ?? '';
  if (role.status === 404 || name === '') {
    throw new StoreError('credentials', 'the instance has no role: it was launched without an instance profile');
  }
  const answer = await metadata.read(folder + encodeURIComponent(name));
  const sentMs = clock.monotonicMs();
  const document = parse(answer);
  const expiresAtMs = Date.parse(document['Expiration'] ?? '');
  const [accessKeyId, secretAccessKey] = [document['AccessKeyId'], document['SecretAccessKey']];
  if (!accessKeyId || !secretAccessKey || Number.isNaN(expiresAtMs)) {
    const why = document['Code'] ?? `status ${answer.status}`;
    throw new StoreError('transient', `the metadata service gave no credentials for the role ${name} (${why})`);
  }
  const lifetimeMs = expiresAtMs - (answer.dateMs ?? clock.wallMs());
  return {
    credentials: { accessKeyId, secretAccessKey, sessionToken: document['Token'], expiresAtMs },
    endsAtMs: sentMs + lifetimeMs,
  };
}

function parse({ text }: Answer): Record<string, string | undefined> {
  try {
    return JSON.parse(text) as Record<string, string | undefined>;
  } catch {
    return {};
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof StoreError && error.kind === 'transient';
}

/** Reads of the metadata service with a kept session token on one connection. */
class MetadataClient {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #token: { readonly text: string; readonly endsAtMs: number } | null = null;

  constructor(endpoint: string, clock: Clock) {
    this.#endpoint = endpoint.replace(/\/$/, '');
    this.#clock = clock;
  }

  async read(path: string): Promise<Answer> {
    const answer = await this.#send('GET', path, { 'X-aws-ec2-metadata-token': await this.#sessionToken() });
    if (answer.status === 200 || answer.status === 404) return answer;
    if (answer.status === 401) this.#token = null;
    throw new StoreError('transient', `the metadata service answered ${answer.status} to ${path}`, {
      status: answer.status,
    });
  }

  async #sessionToken(): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#token !== null && this.#token.endsAtMs > nowMs) return this.#token.text;
    const ttl = { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_LIFETIME_S) };
    const { status, text } = await this.#send('PUT', '/latest/api/token', ttl);
    if (status !== 200) {
      const kind = status === 403 ? 'credentials' : 'transient';
      throw new StoreError(kind, `the metadata service refused a session token (${status})`, { status });
    }
    this.#token = { text, endsAtMs: nowMs + (TOKEN_LIFETIME_S - 60) * 1000 };
    return text;
  }

  #send(method: 'GET' | 'PUT', path: string, headers: Record<string, string>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        const message = `no answer from the metadata service at ${this.#endpoint}: ${messageOf(error)}`;
        reject(new StoreError('transient', message, { cause: error }));
      };
      const outgoing = request(`${this.#endpoint}${path}`, {
        method,
        headers: { ...headers, 'content-length': '0' },
        agent: this.#agent,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      outgoing.on('error', fail);
      outgoing.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('error', fail);
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const dateMs = Date.parse(response.headers.date ?? '');
          resolve({ status: response.statusCode ?? 0, text, dateMs: Number.isNaN(dateMs) ? null : dateMs });
        });
      });
      outgoing.end();
    });
  }
}
