import { systemClock, type Environment } from '@runctl/core';
import type { AwsAccess } from '@runctl/provider/aws';
import { StoreError, credentialsOf, fixedCredentials, type CredentialsProvider } from '@runctl/store';
import type { credentialChain } from './credential-chain.ts';
import type { SharedConfig } from './shared-config.ts';

/** Credentials are asked for anew this long before they expire. */
const RENEW_BEFORE_MS = 300_000;

/** Whom clients speak as, and where they find the services, from one environment and one profile. */
export interface AwsAccount {
  /** Credentials for S3. Errors: `StoreError` of kind `credentials`. */
  readonly credentials: CredentialsProvider;
  /** Undefined = at AWS. */
  readonly s3Endpoint: () => Promise<string | undefined>;
  readonly access: () => Promise<AwsAccess>;
}

export interface AccountOptions {
  /** The SDK's standard variables. The process's own are not read. */
  readonly environment: Environment;
  /** A profile by name wins over keys in the environment; undefined = keys, else `AWS_PROFILE`, else `default`. */
  readonly profile: string | undefined;
  readonly region: string;
}

export function awsAccount(options: AccountOptions): AwsAccount {
  const { environment, region } = options;
  const keys = options.profile === undefined ? credentialsOf(environment) : null;
  // Keys of the environment win over AWS_PROFILE, as for the AWS command line and boto3.
  const profile = options.profile ?? ((keys === null && environment['AWS_PROFILE']) || 'default');
  let reading: Promise<SharedConfig> | null = null;
  const shared = (): Promise<SharedConfig> =>
    (reading ??= import('./shared-config.ts').then(({ readSharedConfig }) => readSharedConfig(environment, profile)));
  const found = keys === null ? chained({ environment, profile, region }, shared) : fixedCredentials(keys);
  return {
    credentials: async (wanted) => {
      try {
        return await found(wanted);
      } catch (cause) {
        throw new StoreError('credentials', cause instanceof Error ? cause.message : String(cause), { cause });
      }
    },
    s3Endpoint: async () => (await shared()).endpoint('S3'),
    access: async () => {
      const config = await shared();
      return {
        region,
        credentials: async () => {
          const { expiresAtMs, sessionToken, ...keys } = await found();
          return {
            ...keys,
            ...(sessionToken === undefined ? {} : { sessionToken }),
            ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
          };
        },
        endpoints: { ec2: config.endpoint('EC2'), ssm: config.endpoint('SSM') },
        useFipsEndpoint: config.isOn('AWS_USE_FIPS_ENDPOINT', 'use_fips_endpoint'),
        useDualstackEndpoint: config.isOn('AWS_USE_DUALSTACK_ENDPOINT', 'use_dualstack_endpoint'),
      };
    },
  };
}

/** Whatever the SDK's chain finds: profiles, SSO, containers, kept until shortly before it expires. */
function chained(
  options: { readonly environment: Environment; readonly profile: string; readonly region: string },
  shared: () => Promise<SharedConfig>,
): CredentialsProvider {
  let chain: ReturnType<typeof credentialChain> | null = null;
  let kept: { readonly credentials: Awaited<ReturnType<CredentialsProvider>>; readonly untilMs: number } | null = null;
  return async (wanted) => {
    if (kept !== null && wanted?.refresh !== true && systemClock.wallMs() < kept.untilMs) return kept.credentials;
    if (chain === null) {
      const loaded = await import('./credential-chain.ts');
      chain = loaded.credentialChain({ ...options, shared: await shared() });
    }
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await chain();
    const credentials = { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
    kept = { credentials, untilMs: (expiration?.getTime() ?? Number.POSITIVE_INFINITY) - RENEW_BEFORE_MS };
    return credentials;
  };
}
