import { createImds, type AwsCredentials, type Imds, IMDS_ADDRESS, type ImdsAnswer } from '@runctl/aws-wire';
import { type Clock, isRunctlError, retry, type RetryPolicy } from '@runctl/core';
import { StoreError } from '../port/object-store.ts';
import type { CredentialsProvider } from './credentials.ts';

export interface InstanceCredentialsOptions {
  readonly clock: Clock;
  /** `AWS_EC2_METADATA_SERVICE_ENDPOINT`; IMDS_ADDRESS unless given. */
  readonly endpoint?: string | undefined;
  readonly retry?: RetryPolicy;
  /** Renew this long before the end; never under the five minutes after which EC2 itself offers the next ones. */
  readonly renewBeforeMs?: number;
}

interface Kept {
  readonly credentials: AwsCredentials;
  /** Monotonic: the machine's own date may be wrong, so lifetimes are counted from the answer's `Date`. */
  readonly endsAtMs: number;
}

const ROLE_FOLDER = 'meta-data/iam/security-credentials/';
const REQUEST_TIMEOUT_MS = 1000;
/** After a failed renewal the credentials at hand serve this long before the next try. */
const RENEWAL_PAUSE_MS = 15_000;

/**
 * AwsCredentials of the instance's role by IMDSv2, and never by v1. Renewed before they end; while a renewal fails, those at
 * hand go on being used, since a service that still takes them is worth more than a guess.
 */
export function instanceCredentials(options: InstanceCredentialsOptions): CredentialsProvider {
  const { clock } = options;
  // Has a connection of its own, so that the watch for notices never waits for credentials.
  const metadata = createImds({ endpoint: options.endpoint ?? IMDS_ADDRESS, clock, timeoutMs: REQUEST_TIMEOUT_MS });
  const renewBeforeMs = Math.max(300_000, options.renewBeforeMs ?? 600_000);
  const policy = options.retry ?? { attempts: 5, baseMs: 200, maxMs: 2000 };
  let kept: Kept | null = null;
  let nextTryAtMs = 0;
  let pending: Promise<AwsCredentials> | null = null;

  const renew = async (): Promise<AwsCredentials> => {
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

async function readRoleCredentials(metadata: Imds, clock: Clock): Promise<Kept> {
  const role = await read(metadata, ROLE_FOLDER);
  const name = role.body.split('\n')[0]?.trim() ?? '';
  if (role.status === 404 || name === '') {
    throw new StoreError('credentials', 'the instance has no role: it was launched without an instance profile');
  }
  const answer = await read(metadata, ROLE_FOLDER + encodeURIComponent(name));
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

/** Rejects with `credentials` where the instance may not use IMDS at all, and with `transient` for all else but 200 and 404. */
async function read(metadata: Imds, path: string): Promise<ImdsAnswer> {
  const answer = await metadata.get(path).catch((error: unknown) => {
    const status = isRunctlError(error) && typeof error.details['status'] === 'number' ? error.details['status'] : null;
    const message = 'the metadata service gave no credentials';
    throw new StoreError(status === 403 ? 'credentials' : 'transient', message, { status, cause: error });
  });
  const { status } = answer;
  if (status === 200 || status === 404) return answer;
  throw new StoreError('transient', `the metadata service answered ${status} to ${path}`, { status });
}

function parse({ body }: ImdsAnswer): Record<string, string | undefined> {
  try {
    return JSON.parse(body) as Record<string, string | undefined>;
  } catch {
    return {};
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof StoreError && error.kind === 'transient';
}
