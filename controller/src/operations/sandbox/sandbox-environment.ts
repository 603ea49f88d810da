import type { Environment } from '../../context.ts';

/**
 * Variables with which a shell that was set up for a real account would lead an AWS client past the sandbox: the SDK for
 * JavaScript prefers a profile to keys, all send a session token with any key, and a service's own endpoint wins.
 */
export const foreignVariables = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_ENDPOINT_URL_EC2',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_SSM',
  'AWS_ENDPOINT_URL_STS',
  'RUNCTL_PROFILE',
  'RUNCTL_REGION',
  'RUNCTL_SUBNETS',
  'RUNCTL_SECURITY_GROUPS',
  'RUNCTL_AMI',
] as const;

/** An environment with a region's variables laid over it, and nothing in it that leads elsewhere. */
export function environmentOfRegion(environment: Environment, region: Readonly<Record<string, string>>): Environment {
  const nothing = Object.fromEntries(foreignVariables.map((name) => [name, undefined]));
  return { ...environment, ...nothing, ...region };
}
