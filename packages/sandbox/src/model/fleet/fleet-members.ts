import type { Fleet } from './fleet.ts';
import type { FleetMember } from './fleet-plan.ts';
import type { FleetPool } from './fleet-pools.ts';
import type { Instance } from '../ec2/instance.ts';

/** A fleet's members as its plan sees them: with their weights, and their places among the pools it has now. */
export function planMembers(fleet: Fleet, members: readonly Instance[], pools: readonly FleetPool[]): FleetMember[] {
  return members.map((instance) => {
    const known = fleet.members.get(instance.id);
    const pool = pools.find((candidate) => candidate.key === known?.poolKey);
    return {
      instanceId: instance.id,
      market: instance.spec.market,
      weight: known?.weight ?? 1,
      poolIndex: pool?.index ?? null,
      launchedAtMs: instance.launchedAtMs,
    };
  });
}
