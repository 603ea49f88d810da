import type { LaunchMachines } from '@runctl/protocol';
import type { CapacityState, RentedMachine } from '@runctl/provider';

/** A provider may not know a new capacity for a moment; after this, one that it does not know is gone. */
export const APPEARS_WITHIN_MS = 120_000;

/** What was ended is gone after this, or whoever ended it gives up. */
export const GONE_WITHIN_MS = 120_000;

/**
 * Whether a laptop may be replacing the machines just now, by the cloud's time. `replacing` that is older was left there by one
 * that broke off: the provider then tells what lives.
 */
export function isBeingReplaced(machines: Pick<LaunchMachines, 'at' | 'replacing'> | null, nowMs: number): boolean {
  if (machines === null || machines.replacing === null) return false;
  return nowMs - Date.parse(machines.at) < GONE_WITHIN_MS + APPEARS_WITHIN_MS;
}

/** A machine that runs or is about to. */
export function isLiving({ state }: Pick<RentedMachine, 'state'>): boolean {
  return state === 'starting' || state === 'running';
}

/** A capacity that still makes machines. */
export function isActive(capacity: Pick<CapacityState, 'status'> | null): boolean {
  return capacity?.status === 'active';
}
