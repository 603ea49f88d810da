import type { Clock } from '@runctl/core';
import type { RemoteCommand } from '../fleet-provider.ts';
import { createAwsClients, type AwsAccess } from './api/clients.ts';
import { createRunCommand } from './ssm/run-command.ts';

export type { AwsAccess } from './api/clients.ts';
export { createAwsProvider } from './aws-provider.ts';
export { createEc2FleetProvider } from './ec2-fleet-provider.ts';

/** Run Command behind the RemoteCommand port, for callers that do not take a Provider yet. */
export function createSsmRemoteCommand(
  options: AwsAccess & { readonly clock: Clock },
): RemoteCommand & { close(): void } {
  const clients = createAwsClients(options);
  return { ...createRunCommand(clients.ssm, options.clock), close: () => clients.close() };
}
