import type { AwsCredentials } from '@runctl/aws-wire';
import { systemClock, type Environment } from '@runctl/core';
import { defaultCallLimits, within, type LimitedCalls } from '../api/call-limits.ts';
import { classifyAwsError, isNetworkFailure } from '../api/classify.ts';
import type { AwsAccess } from '../api/clients.ts';
import type { credentialChain } from './credential-chain.ts';
import { keptCredentials, type FindCredentials } from './kept-credentials.ts';
import type { SharedConfig } from './shared-config.ts';

export type { OnRepeatedCall } from '../api/call-limits.ts';

/** The identity of clients and the endpoints of services, from one environment and one profile. */
export interface AwsAccount {
  /** Errors: `CredentialsProviderError` where there are none, `cloud-unreachable` where whoever has them does not answer. */
  readonly credentials: FindCredentials;
  /** Undefined = at AWS. */
  readonly s3Endpoint: () => Promise<string | undefined>;
  readonly access: () => Promise<AwsAccess>;
  /** Whether a local cloud rents the machines. */
  readonly isLocal: () => Promise<boolean>;
}

export interface AccountOptions {
  /** The SDK's standard variables. The process's own are not read. */
  readonly environment: Environment;
  /** A profile by name wins over keys in the environment; undefined = keys, else `AWS_PROFILE`, else `default`. */
  readonly profile: string | undefined;
  readonly region: string;
  /** Keys of the environment, where it has some. */
  readonly keys: AwsCredentials | null;
  /** Of every call that looks for keys; those of `access` too. */
  readonly calls?: LimitedCalls | undefined;
}

export function awsAccount(options: AccountOptions): AwsAccount {
  const { environment, region } = options;
  const keys = options.profile === undefined ? options.keys : null;
  // Keys of the environment win over AWS_PROFILE, as for the AWS command line and boto3.
  const profile = options.profile ?? ((keys === null && environment['AWS_PROFILE']) || 'default');
  let reading: Promise<SharedConfig> | null = null;
  const shared = (): Promise<SharedConfig> =>
    (reading ??= import('./shared-config.ts').then(({ readSharedConfig }) => readSharedConfig(environment, profile)));
  const credentials: FindCredentials =
    keys === null
      ? chained({ environment, profile, region, calls: options.calls }, shared)
      : () => Promise.resolve(keys);
  return {
    credentials,
    s3Endpoint: async () => (await shared()).endpoint('S3'),
    isLocal: async () => isLoopback((await shared()).endpoint('EC2')),
    access: async () => {
      const config = await shared();
      return {
        ...options.calls,
        region,
        credentials: async () => {
          const { expiresAtMs, sessionToken, ...keys } = await credentials();
          return {
            ...keys,
            ...(sessionToken === undefined ? {} : { sessionToken }),
            ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
          };
        },
        endpoints: {
          ec2: config.endpoint('EC2'),
          ssm: config.endpoint('SSM'),
          sts: config.endpoint('STS'),
          iam: config.endpoint('IAM'),
          serviceQuotas: config.endpoint('SERVICE_QUOTAS'),
          pricing: config.endpoint('PRICING'),
          s3: config.endpoint('S3'),
        },
        useFipsEndpoint: config.isOn('AWS_USE_FIPS_ENDPOINT', 'use_fips_endpoint'),
        useDualstackEndpoint: config.isOn('AWS_USE_DUALSTACK_ENDPOINT', 'use_dualstack_endpoint'),
      };
    },
  };
}

/** Only a local cloud answers there: its machines are this computer. */
function isLoopback(endpoint: string | undefined): boolean {
  const host = endpoint === undefined ? '' : new URL(endpoint).hostname;
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** Keeps what the SDK's chain finds: profiles, SSO, containers. */
function chained(
  options: Pick<AccountOptions, 'environment' | 'region' | 'calls'> & { readonly profile: string },
  shared: () => Promise<SharedConfig>,
): FindCredentials {
  const { calls, ...of } = options;
  let chain: ReturnType<typeof credentialChain> | null = null;
  return keptCredentials(async () => {
    if (chain === null) {
      const loaded = await import('./credential-chain.ts');
      chain = loaded.credentialChain({ ...of, limits: calls?.limits, shared: await shared() });
    }
    const search = within(chain(), (calls?.limits ?? defaultCallLimits).searchMs).catch((error: unknown) => {
      throw isNetworkFailure(error) ? classifyAwsError(error, 'looking for AWS credentials') : error;
    });
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await search;
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
  }, systemClock);
}
