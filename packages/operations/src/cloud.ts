import type { Provider } from '@runctl/provider';
import type { ObjectStore } from '@runctl/store';

/** One account's bucket, and who rents machines, as every operation sees them. */
export interface Cloud {
  /** Scoped to bucket and prefix. */
  readonly store: ObjectStore;
  readonly provider: Provider;
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
  /** Of the bucket. */
  readonly region: string;
  /** A local cloud's machines are this computer. */
  readonly isLocal: boolean;
  close(): void;
}
