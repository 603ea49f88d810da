import { createLazyFleetProvider, createLazyRemoteCommand } from './lazy-aws.ts';
import { endpointOf } from '@runctl/aws-wire';
import { systemClock, type Log, type Environment } from '@runctl/core';
import {
  S3Store,
  StoreError,
  credentialsOf,
  fixedCredentials,
  limited,
  prefixed,
  retrying,
  type CredentialsProvider,
} from '@runctl/store';
import type { Cloud } from '@runctl/operations';
import { requiredBucket, requiredRegion } from '../settings/load.ts';
import type { Settings } from '../settings/schema.ts';

const PARALLEL_REQUESTS = 32;

/**
 * Connects to AWS, or whatever the SDK's own variables name. The SDKs read the process's environment, so `environment` is
 * laid over it first, and what is undefined there is taken away: one process talks to one cloud. Errors: `config-missing`.
 */
export async function connectCloud(settings: Settings, environment: Environment, log: Log): Promise<Cloud> {
  const bucket = requiredBucket(settings);
  const region = requiredRegion(settings);
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  if (settings.profile !== undefined) process.env['AWS_PROFILE'] = settings.profile;
  // Keys of the environment win over AWS_PROFILE, as for the AWS command line and boto3, but not for this SDK: without this,
  // EC2 would be asked as somebody else than S3.
  else if (credentialsOf(environment) !== null) delete process.env['AWS_PROFILE'];
  const s3 = new S3Store({
    bucket,
    region,
    clock: systemClock,
    endpoint: await endpointFor(environment),
    credentials: credentialsFor(environment, settings.profile),
  });
  const onRetry = (error: StoreError): void => log.debug({ error }, 'asking S3 again');
  const patient = retrying(limited(s3, PARALLEL_REQUESTS), { clock: systemClock, onRetry });
  const fleets = createLazyFleetProvider(region);
  const remote = createLazyRemoteCommand(region);
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

/** As the SDK's clients find theirs, so that S3 is asked where EC2 is. Their loader is only needed where no variable tells. */
async function endpointFor(environment: Environment): Promise<string | undefined> {
  const ignored = environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true';
  const named = ignored ? undefined : endpointOf('S3', environment);
  return named ?? (await import('./s3-endpoint.ts')).s3EndpointOfSdk();
}

/** Keys of the environment, else whatever the SDK's chain finds: profiles, SSO, containers. */
function credentialsFor(environment: Environment, profile: string | undefined): CredentialsProvider {
  const own = profile === undefined ? credentialsOf(environment) : null;
  if (own !== null) return fixedCredentials(own);
  let chain: CredentialsProvider | null = null;
  let kept: { readonly credentials: Awaited<ReturnType<CredentialsProvider>>; readonly untilMs: number } | null = null;
  return async (options) => {
    if (kept !== null && options?.refresh !== true && systemClock.wallMs() < kept.untilMs) return kept.credentials;
    try {
      chain ??= (await import('./credential-chain.ts')).credentialChain(profile);
      const credentials = await chain();
      kept = { credentials, untilMs: (credentials.expiresAtMs ?? Number.POSITIVE_INFINITY) - 300_000 };
      return credentials;
    } catch (cause) {
      throw new StoreError('credentials', cause instanceof Error ? cause.message : String(cause), { cause });
    }
  };
}
