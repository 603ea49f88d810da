import type { Compute } from './compute.ts';
import type { RegionEvent } from '../ec2/event-log.ts';
import type { MachineSource } from '../ec2/instances.ts';
import type { CapacityRule, Delays, ThrottleRule } from '../ec2/settings.ts';

interface InstanceSnapshot {
  readonly instanceId: string;
  readonly state: string;
  readonly stateReason: string | null;
  readonly type: string;
  readonly zone: string;
  readonly market: string;
  readonly fleetId: string | null;
  readonly privateAddress: string;
  readonly folder: string;
  readonly launchedAtMs: number;
  readonly endedAtMs: number | null;
  readonly rebalanceAtMs: number | null;
  readonly notice: { readonly noticedAtMs: number; readonly deadlineMs: number; readonly survived: boolean } | null;
  readonly tags: Readonly<Record<string, string>>;
}

interface FleetSnapshot {
  readonly fleetId: string;
  readonly type: string;
  readonly state: string;
  readonly target: number;
  readonly fulfilled: number;
  readonly validUntilMs: number | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** Everything that `sandbox status` shows; plain data. */
export interface ComputeSnapshot {
  readonly level: string;
  readonly notReal: readonly string[];
  readonly region: string;
  readonly scale: number;
  readonly nowMs: number;
  readonly instances: readonly InstanceSnapshot[];
  readonly fleets: readonly FleetSnapshot[];
  readonly launchTemplates: ReadonlyArray<{ readonly id: string; readonly name: string; readonly versions: number }>;
  readonly spotRequests: ReadonlyArray<{
    readonly id: string;
    readonly state: string;
    readonly code: string;
    readonly instanceId: string | null;
  }>;
  readonly capacity: readonly CapacityRule[];
  readonly throttles: readonly ThrottleRule[];
  readonly delays: Delays;
  readonly events: readonly RegionEvent[];
}

export function snapshotOf(compute: Compute, machines: Pick<MachineSource, 'level' | 'notReal'>): ComputeSnapshot {
  return {
    level: machines.level,
    notReal: machines.notReal,
    region: compute.region,
    scale: compute.clock.scale,
    nowMs: compute.clock.nowMs(),
    instances: instancesOf(compute),
    fleets: compute.fleets.list().map((fleet) => ({
      fleetId: fleet.id,
      type: fleet.config.type,
      state: fleet.state,
      target: fleet.config.capacity.total,
      fulfilled: compute.fleets.members(fleet).length,
      validUntilMs: fleet.config.validUntilMs,
      tags: Object.fromEntries(fleet.tags),
    })),
    launchTemplates: compute.templates.list().map(({ id, name, versions }) => ({ id, name, versions: versions.size })),
    spotRequests: compute.spotRequests
      .list()
      .map(({ id, state, code, instanceId }) => ({ id, state, code, instanceId })),
    capacity: compute.settings.capacityRules,
    throttles: compute.settings.throttles,
    delays: compute.settings.delays,
    events: compute.events.list(),
  };
}

function instancesOf(compute: Compute): InstanceSnapshot[] {
  return compute.instances.list().map((instance) => ({
    instanceId: instance.id,
    state: instance.state,
    stateReason: instance.stateReason?.code ?? null,
    type: instance.spec.type.name,
    zone: instance.spec.zone.name,
    market: instance.spec.market,
    fleetId: instance.fleetId,
    privateAddress: instance.privateAddress,
    folder: instance.folder,
    launchedAtMs: instance.launchedAtMs,
    endedAtMs: instance.endedAtMs,
    rebalanceAtMs: instance.rebalanceAtMs,
    notice: instance.notice,
    tags: Object.fromEntries(instance.tags),
  }));
}
