import type { LaunchOutcome } from '@runctl/protocol';

/** 0 done, 20 the workload failed, 21 stopped and resumable: what `launch`, `wait` and `attach` end with. */
export function exitCodeOfOutcome(outcome: Pick<LaunchOutcome, 'status'>): number {
  if (outcome.status === 'succeeded') return 0;
  return outcome.status === 'failed' ? 20 : 21;
}
