import type { Environment } from '../../context.ts';
import type { SandboxRegion } from './sandbox-control.ts';

/** What would lead an SDK past the local cloud: another account's profile, token, or an endpoint for one service. */
export const OVERRULED: readonly string[] = [
  'AWS_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_EC2',
  'AWS_ENDPOINT_URL_SSM',
  'AWS_ENDPOINT_URL_STS',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
];

/** The environment in which everything talks to the local cloud. Undefined values must be taken out of the process's own. */
export function inSandbox(environment: Environment, region: Pick<SandboxRegion, 'environment'>): Environment {
  const without = Object.fromEntries(OVERRULED.map((name) => [name, undefined]));
  return { ...environment, ...without, ...region.environment };
}
