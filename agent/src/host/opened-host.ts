import type { Clock } from '@runctl/core';
import type { CredentialsProvider } from '@runctl/store';
import type { Host } from './host.ts';

export interface HostSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly region: string;
  /** Empty on a machine of its own. */
  readonly instanceRoot: string;
  readonly clock: Clock;
}

/** How an agent gets its host. */
export interface HostOpener {
  /** As in the agent's configuration. */
  readonly kind: string;
  open(surroundings: HostSurroundings): OpenedHost;
}

/** A host, and what this machine has to prove itself with to the bucket. */
export interface OpenedHost {
  readonly host: Host;
  readonly credentials: CredentialsProvider;
}
