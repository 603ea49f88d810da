import type { FleetProvider, RemoteCommand } from '@runctl/provider';
import type { ObjectStore } from '@runctl/store';

/** One account's bucket and region, as every operation sees them. */
export interface Cloud {
  /** Scoped to bucket and prefix. */
  readonly store: ObjectStore;
  readonly fleets: FleetProvider;
  readonly remote: RemoteCommand;
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
  readonly region: string;
  close(): void;
}
