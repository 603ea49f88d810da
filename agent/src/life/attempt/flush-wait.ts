import type { LeaseKeeper } from '@runctl/checkpoint';
import type { Clock, Log } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { BucketTraffic } from '../../reporting/bucket-traffic.ts';
import { showBucketWait } from '../../reporting/bucket-wait.ts';
import type { AgentSelf } from '../../reporting/document-head.ts';
import type { LifeState } from '../../reporting/life-state.ts';

export interface FlushWaitParts {
  readonly life: LifeState;
  readonly lease: Pick<LeaseKeeper, 'trouble'>;
  readonly traffic: Pick<BucketTraffic, 'trouble'>;
  readonly self: Pick<AgentSelf, 'pricePerHourUsd'>;
  readonly timing: Pick<Timing, 'heartbeatMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Shows what a flush does, and for how long and at what cost it waits for the bucket. Ends with the signal; never rejects. */
export function showFlush(parts: FlushWaitParts, signal: AbortSignal): Promise<void> {
  const { clock, lease, life, log, self, timing, traffic } = parts;
  const options = {
    clock,
    log,
    life,
    doing: 'making the last checkpoint and the log durable',
    trouble: () => traffic.trouble ?? lease.trouble(),
    pricePerHourUsd: self.pricePerHourUsd,
    everyMs: timing.heartbeatMs,
  };
  return showBucketWait(options, signal);
}
