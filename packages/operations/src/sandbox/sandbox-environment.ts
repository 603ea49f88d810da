import type { Environment } from '@runctl/core';
import type { SandboxRegion } from './sandbox-control.ts';

/** The environment in which everything talks to the local cloud. Undefined values must be taken out of the process's own. */
export function inSandbox(environment: Environment, region: Pick<SandboxRegion, 'environment'>): Environment {
  // A profile may say that endpoints are to be ignored: then everything would go to AWS.
  return { ...withoutAccount(environment), AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false', ...region.environment };
}

/**
 * `environment` without all that names an account, an endpoint or a place in one, each as undefined: a profile would win over
 * the local cloud's keys, and a service's own endpoint over its address.
 */
export function withoutAccount(environment: Environment): Environment {
  const own = /^(AWS_|RUNCTL_(PROFILE|PREFIX|SUBNETS|SECURITY_GROUPS|AMI)$)/;
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, own.test(name) ? undefined : value]),
  );
}
