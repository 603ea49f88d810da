import type { FleetProvider, RemoteCommand } from '@runctl/provider';
import type { AwsAccess } from '@runctl/provider/aws';
import { systemClock } from '@runctl/core';

type Closable = { close(): void };

/** The SDK and what it has to know are looked up at the first call. */
interface LazyAccess {
  readonly region: string;
  readonly access: () => Promise<AwsAccess>;
}

/** The EC2 adapter, loaded at its first call: commands that only read the bucket never pay for the SDK. */
export function createLazyFleetProvider({ region, access }: LazyAccess): FleetProvider & Closable {
  const { load, close } = lazily(async () => {
    const { createEc2FleetProvider } = await import('@runctl/provider/aws');
    return createEc2FleetProvider({ ...(await access()), clock: systemClock });
  });
  return {
    region,
    offers: async (...args) => (await load()).offers(...args),
    resolveImage: async (...args) => (await load()).resolveImage(...args),
    launch: async (...args) => (await load()).launch(...args),
    findFleet: async (...args) => (await load()).findFleet(...args),
    fleet: async (...args) => (await load()).fleet(...args),
    fleetEvents: async (...args) => (await load()).fleetEvents(...args),
    switchToOnDemand: async (...args) => (await load()).switchToOnDemand(...args),
    instances: async (...args) => (await load()).instances(...args),
    deleteFleet: async (...args) => (await load()).deleteFleet(...args),
    deleteTemplate: async (...args) => (await load()).deleteTemplate(...args),
    close,
  };
}

/** The SSM adapter, loaded at its first call. */
export function createLazyRemoteCommand({ access }: LazyAccess): RemoteCommand & Closable {
  const { load, close } = lazily(async () => {
    const { createSsmRemoteCommand } = await import('@runctl/provider/aws');
    return createSsmRemoteCommand({ ...(await access()), clock: systemClock });
  });
  return { run: async (...args) => (await load()).run(...args), close };
}

function lazily<T extends Closable>(
  make: () => Promise<T>,
): { readonly load: () => Promise<T>; readonly close: () => void } {
  let made: Promise<T> | null = null;
  return {
    load: () => (made ??= make()),
    close: () => {
      made?.then(
        (adapter) => adapter.close(),
        () => {},
      );
    },
  };
}
