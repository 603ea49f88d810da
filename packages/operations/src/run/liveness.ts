import type { CapacityState, RentedMachine } from '@runctl/provider';

/** A machine that runs or is about to. */
export function isLiving({ state }: Pick<RentedMachine, 'state'>): boolean {
  return state === 'starting' || state === 'running';
}

/** A capacity that still makes machines. */
export function isActive(capacity: Pick<CapacityState, 'status'> | null): boolean {
  return capacity?.status === 'active';
}
