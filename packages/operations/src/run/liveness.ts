import type { CapacityState, RentedMachine } from '@runctl/provider';

/** A provider may not know a new capacity for a moment; after this, one that it does not know is gone. */
export const APPEARS_WITHIN_MS = 120_000;

/** A machine that runs or is about to. */
export function isLiving({ state }: Pick<RentedMachine, 'state'>): boolean {
  return state === 'starting' || state === 'running';
}

/** A capacity that still makes machines. */
export function isActive(capacity: Pick<CapacityState, 'status'> | null): boolean {
  return capacity?.status === 'active';
}
