import { withoutAccount, type Environment } from '../../context.ts';
import type { SandboxRegion } from './sandbox-control.ts';

/** The environment in which everything talks to the local cloud. Undefined values must be taken out of the process's own. */
export function inSandbox(environment: Environment, region: Pick<SandboxRegion, 'environment'>): Environment {
  return { ...withoutAccount(environment), ...region.environment };
}
