import { isRunctlError, messageOf, systemClock, type Environment, type Log } from '@runctl/core';
import type { Cloud } from '@runctl/operations';
import {
  S3Store,
  StoreError,
  credentialsOf,
  limited,
  prefixed,
  retrying,
  type CredentialsProvider,
} from '@runctl/store';
import { requiredBucket, requiredRegion } from '../settings/load.ts';
import type { Settings } from '../settings/schema.ts';
import { awsAccount, type OnRepeatedCall } from '@runctl/provider/aws/account';
import { connectProvider } from '@runctl/provider/connect';
import { CloudClock } from './cloud-clock.ts';

const PARALLEL_REQUESTS = 32;

export interface ConnectionPorts {
  readonly log: Log;
  /** Takes the bucket's time over. */
  readonly clock?: CloudClock;
}

/**
 * Connects to the bucket and the provider that the settings name, at AWS or wherever the SDK's own variables in `environment` lead. Clouds of one process are independent: nothing
 * is read from the process's environment but what docs/providers.md names, and nothing is written to it. Errors: `config-missing`,
 * `config-invalid`.
 */
export async function connectCloud(
  settings: Settings,
  environment: Environment,
  { log, clock = new CloudClock(systemClock) }: ConnectionPorts,
): Promise<Cloud> {
  const bucket = requiredBucket(settings);
  const region = requiredRegion(settings);
  const onRepeat = repeatedCallTeller(log);
  const { profile } = settings;
  const keys = credentialsOf(environment);
  const account = awsAccount({ environment, profile, region, keys, calls: { onRepeat } });
  const provider = connectProvider(settings.provider, { region, clock, awsAccess: account.access });
  const s3 = new S3Store({
    bucket,
    region,
    clock: systemClock,
    endpoint: await account.s3Endpoint(),
    credentials: storeCredentials(account.credentials),
    onServerTime: (serverTimeMs) => clock.correct(serverTimeMs, (text) => log.warn({}, text)),
  });
  const onRetry = (error: StoreError, retry: number): void => onRepeat({ service: 'S3', attempt: retry + 1, error });
  const patient = retrying(limited(s3, PARALLEL_REQUESTS), { clock: systemClock, onRetry });
  return {
    store: settings.prefix === '' ? patient : prefixed(patient, settings.prefix),
    provider,
    bucket,
    prefix: settings.prefix,
    region,
    isLocal: await account.isLocal(),
    close: () => {
      s3.close();
      provider.close();
    },
  };
}

/** Gives a failure to find keys the kind by which callers of a store recognise it. */
function storeCredentials(find: CredentialsProvider): CredentialsProvider {
  return (options) =>
    find(options).catch((cause: unknown) => {
      if (isRunctlError(cause)) throw cause;
      throw new StoreError('credentials', messageOf(cause), { cause });
    });
}

/** Trouble that goes on is told again this much later. */
const TELL_AGAIN_MS = 30_000;

/** Tells of calls that are made again: the first repeat to who asked for more, trouble that goes on to everybody. */
function repeatedCallTeller(log: Log): OnRepeatedCall {
  const toldMs = new Map<string, number>();
  return ({ service, attempt, error }) => {
    const text = `${service}: ${messageOf(error)}; asking again`;
    const lastMs = toldMs.get(service) ?? Number.NEGATIVE_INFINITY;
    if (attempt <= 2 || systemClock.monotonicMs() - lastMs < TELL_AGAIN_MS) return log.debug({ attempt }, text);
    toldMs.set(service, systemClock.monotonicMs());
    log.warn({ attempt }, text);
  };
}
