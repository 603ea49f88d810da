import {
  createCredentialChain,
  fromHttp,
  fromIni,
  fromInstanceMetadata,
  fromTokenFile,
} from '@aws-sdk/credential-providers';
import type { Environment } from '@runctl/core';
import { connectionLimits, defaultCallLimits, type CallLimits } from '../api/call-limits.ts';
import { CredentialsProviderError } from '@smithy/core/config';
import { sharedFilesOf, type SharedConfig } from './shared-config.ts';

type Provider = ReturnType<typeof fromTokenFile>;

export interface ChainOptions {
  readonly environment: Environment;
  readonly profile: string;
  readonly region: string;
  readonly shared: SharedConfig;
  readonly limits?: CallLimits | undefined;
}

/**
 * The SDK's chain after the keys of the environment, with every link given its values: the profile (keys, roles, SSO,
 * processes), a web identity, the container's endpoint, the instance's role. What the SDK reads of the process's environment
 * all the same stands in docs/providers.md. A module of its own, imported lazily: the SDK's
 * package is CommonJS, of which a bundle's `import()` gives only the default export.
 */
export function credentialChain(options: ChainOptions): Provider {
  const { environment } = options;
  const links = [fromProfile(options), fromWebIdentity(options), fromContainer(environment), fromInstance(environment)];
  return createCredentialChain(...links, () =>
    Promise.reject(new CredentialsProviderError('Could not load credentials from any providers')),
  );
}

/** With STS at its configured endpoint. A profile of SSO would ask SSO there too, so it gets none. */
function fromProfile({ environment, profile, region, shared, limits }: ChainOptions): Provider {
  const endpoint = shared.setting('role_arn') === undefined ? undefined : shared.endpoint('STS');
  const requestHandler = answeringLimits(limits);
  return fromIni({
    ...sharedFilesOf(environment),
    ignoreCache: true,
    profile,
    parentClientConfig: { region, requestHandler },
    clientConfig: { requestHandler, ...(endpoint === undefined ? {} : { endpoint }) },
  });
}

/** No middleware reaches these clients, so their connections alone limit them. */
function answeringLimits(limits: CallLimits = defaultCallLimits) {
  return { ...connectionLimits(limits), requestTimeout: limits.answerMs, throwOnRequestTimeout: true };
}

function fromWebIdentity({ environment, region, shared, limits }: ChainOptions): Provider {
  const webIdentityTokenFile = environment['AWS_WEB_IDENTITY_TOKEN_FILE'];
  const roleArn = environment['AWS_ROLE_ARN'];
  const roleSessionName = environment['AWS_ROLE_SESSION_NAME'];
  if (!webIdentityTokenFile || !roleArn) return absent('no web identity is configured');
  const endpoint = shared.endpoint('STS');
  return fromTokenFile({
    webIdentityTokenFile,
    roleArn,
    ...(roleSessionName ? { roleSessionName } : {}),
    clientConfig: {
      region,
      requestHandler: answeringLimits(limits),
      ignoreConfiguredEndpointUrls: true,
      ...(endpoint === undefined ? {} : { endpoint }),
    },
  });
}

function fromContainer(environment: Environment): Provider {
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const full = environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (!relative && !full) return absent('no container endpoint is configured');
  return fromHttp({
    // Empty texts keep the SDK from looking into the process's environment.
    awsContainerCredentialsRelativeUri: relative ?? '',
    awsContainerCredentialsFullUri: full ?? '',
    awsContainerAuthorizationToken: environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '',
    awsContainerAuthorizationTokenFile: environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] ?? '',
  });
}

function fromInstance(environment: Environment): Provider {
  const disabled = environment['AWS_EC2_METADATA_DISABLED'] || 'false';
  return disabled.toLowerCase() === 'false' ? fromInstanceMetadata() : absent('the metadata service is disabled');
}

function absent(why: string): Provider {
  return () => Promise.reject(new CredentialsProviderError(why, { tryNextLink: true }));
}
