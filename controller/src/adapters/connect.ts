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
import { createLazyFleetProvider, createLazyRemoteCommand } from './lazy-aws.ts';

const PARALLEL_REQUESTS = 32;

/**
 * Connects to AWS, or whatever the SDK's own variables in `environment` name. Clouds of one process are independent: nothing
 * is read from the process's environment, and nothing is written to it. Errors: `config-missing`.
 */
export async function connectCloud(settings: Settings, environment: Environment, log: Log): Promise<Cloud> {
  const bucket = requiredBucket(settings);
  const region = requiredRegion(settings);
  const account = awsAccount({ environment, profile: settings.profile, region, keys: credentialsOf(environment) });
  const s3 = new S3Store({
    bucket,
    region,
    clock: systemClock,
    endpoint: await account.s3Endpoint(),
    credentials: storeCredentials(account.credentials),
  });
  const onRetry = (error: StoreError): void => log.debug({ error }, 'asking S3 again');
  const patient = retrying(limited(s3, PARALLEL_REQUESTS), { clock: systemClock, onRetry });
  const fleets = createLazyFleetProvider({ region, access: account.access });
  const remote = createLazyRemoteCommand({ region, access: account.access });
  return {
    store: settings.prefix === '' ? patient : prefixed(patient, settings.prefix),
    fleets,
    remote,
    bucket,
    prefix: settings.prefix,
    region,
    close: () => {
      s3.close();
      fleets.close();
      remote.close();
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
