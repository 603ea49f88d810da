import { withoutAccount, type Environment } from '../../context.ts';
import type { SandboxRegion } from './sandbox-control.ts';

/** The environment in which everything talks to the local cloud. Undefined values must be taken out of the process's own. */
export function inSandbox(environment: Environment, region: Pick<SandboxRegion, 'environment'>): Environment {
  // A profile may say that endpoints are to be ignored: then everything would go to AWS.
  return { ...withoutAccount(environment), AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false', ...region.environment };
}
