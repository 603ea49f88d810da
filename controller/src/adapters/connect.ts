import { messageOf, systemClock, type Environment, type Log } from '@runctl/core';
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
import { awsAccount } from '@runctl/provider/aws/account';
import { connectProvider } from '@runctl/provider/connect';

const PARALLEL_REQUESTS = 32;

/**
 * Connects to the bucket and the provider that the settings name, at AWS or wherever the SDK's own variables in `environment` lead. Clouds of one process are independent: nothing
 * is read from the process's environment but what docs/providers.md names, and nothing is written to it. Errors: `config-missing`,
 * `config-invalid`.
 */
export async function connectCloud(settings: Settings, environment: Environment, log: Log): Promise<Cloud> {
  const bucket = requiredBucket(settings);
  const region = requiredRegion(settings);
  const account = awsAccount({ environment, profile: settings.profile, region, keys: credentialsOf(environment) });
  const provider = connectProvider(settings.provider, { region, clock: systemClock, awsAccess: account.access });
  const s3 = new S3Store({
    bucket,
    region,
    clock: systemClock,
    endpoint: await account.s3Endpoint(),
    credentials: storeCredentials(account.credentials),
  });
  const onRetry = (error: StoreError): void => log.debug({ error }, 'asking S3 again');
  const patient = retrying(limited(s3, PARALLEL_REQUESTS), { clock: systemClock, onRetry });
  return {
    store: settings.prefix === '' ? patient : prefixed(patient, settings.prefix),
    provider,
    bucket,
    prefix: settings.prefix,
    region,
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
      throw new StoreError('credentials', messageOf(cause), { cause });
    });
}
