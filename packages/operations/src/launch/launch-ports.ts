import type { Clock } from '@runctl/core';
import type { Cloud } from '../cloud.ts';

/** What an operation that starts something needs from outside. */
export interface LaunchPorts {
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** `user@host`. */
  readonly user: string;
}
