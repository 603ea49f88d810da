import { showBucketWait } from '../reporting/bucket-wait.ts';
import type { LifeContext } from './attempt-context.ts';

/** Shows what a flush does, and for how long and at what cost it waits for the bucket. Ends with the signal; never rejects. */
export function showFlush(
  { facts, lease, life, ports }: Pick<LifeContext, 'facts' | 'lease' | 'life' | 'ports'>,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    clock: ports.clock,
    log: ports.log,
    life,
    doing: 'making the last checkpoint and the log durable',
    trouble: () => ports.traffic.trouble ?? lease.trouble(),
    pricePerHourUsd: facts.pricePerHourUsd,
    everyMs: facts.spec.timing.heartbeatMs,
  };
  return showBucketWait(options, signal);
}
