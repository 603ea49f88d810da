import { RunctlError, nearest, type Clock } from '@runctl/core';
import type { AwsAccess } from './aws/api/clients.ts';
import { createLazyAwsProvider } from './aws/lazy-aws-provider.ts';
import type { Provider } from './port/index.ts';

export interface ProviderConnection {
  /** Where to rent, for providers that have regions. */
  readonly region: string;
  readonly clock: Clock;
  /** The AWS account in which the bucket is. */
  readonly awsAccess: () => Promise<AwsAccess>;
}

/** Every provider that a user can choose. Each is made without a call, and loads what it needs at its first one. */
const PROVIDERS: Readonly<Record<string, (connection: ProviderConnection) => Provider>> = {
  aws: ({ region, clock, awsAccess }) => createLazyAwsProvider({ region, clock, access: awsAccess }),
};

/** The provider of a name. Makes no call. Errors: `config-invalid` for a name that no provider has. */
export function connectProvider(name: string, connection: ProviderConnection): Provider {
  const connect = Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name] : undefined;
  if (connect !== undefined) return connect(connection);
  const names = Object.keys(PROVIDERS);
  const close = nearest(name, names);
  throw new RunctlError('config-invalid', `there is no provider "${name}"`, {
    hint: close === null ? `the providers are ${names.join(', ')}` : `did you mean "${close}"?`,
  });
}
