import type { Compute } from '../../model/compute/compute.ts';
import type { Fleet, FleetLaunch, FleetLaunchError, FleetOverride, FleetTemplate } from '../../model/fleet/fleet.ts';
import { isFleetLive } from '../../model/fleet/fleet.ts';
import { occupiesPool } from '../../model/ec2/instance.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { tagSet } from './action.ts';

function date(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

function templateView(template: FleetTemplate): XmlValue {
  return { launchTemplateId: template.id, launchTemplateName: template.name, version: template.version };
}

function overrideView(override: FleetOverride): XmlValue {
  return {
    instanceType: override.instanceType,
    maxPrice: override.maxPrice,
    subnetId: override.subnetId,
    availabilityZone: override.zoneName,
    weightedCapacity: override.weightedCapacity,
    priority: override.priority,
    imageId: override.imageId,
  };
}

function placed(of: { template: FleetTemplate; override: FleetOverride }): XmlValue {
  return { launchTemplateSpecification: templateView(of.template), overrides: overrideView(of.override) };
}

export function errorView(error: FleetLaunchError): XmlValue {
  return {
    launchTemplateAndOverrides: placed(error),
    lifecycle: error.market,
    errorCode: error.code,
    errorMessage: error.message,
  };
}

export function launchView(launch: FleetLaunch): XmlValue {
  return {
    launchTemplateAndOverrides: placed(launch),
    lifecycle: launch.market,
    instanceIds: launch.instanceIds,
    instanceType: launch.instanceType,
  };
}

function fulfilled(compute: Compute, fleet: Fleet, market: 'spot' | 'on-demand'): number {
  return compute.fleets
    .members(fleet)
    .filter((instance) => instance.spec.market === market)
    .reduce((sum, instance) => sum + (fleet.members.get(instance.id)?.weight ?? 1), 0);
}

function activityOf(compute: Compute, fleet: Fleet): string | undefined {
  if (fleet.config.type === 'instant') return undefined;
  if (!isFleetLive(fleet))
    return compute.fleets.instancesOf(fleet).some(occupiesPool) ? 'pending_termination' : undefined;
  if (fleet.failing) return 'error';
  const units = fulfilled(compute, fleet, 'spot') + fulfilled(compute, fleet, 'on-demand');
  return units >= fleet.config.capacity.total ? 'fulfilled' : 'pending_fulfillment';
}

export function fleetView(compute: Compute, fleet: Fleet): XmlValue {
  const { config } = fleet;
  const onDemandUnits = fulfilled(compute, fleet, 'on-demand');
  return {
    activityStatus: activityOf(compute, fleet),
    createTime: new Date(fleet.createdAtMs),
    fleetId: fleet.id,
    fleetState: fleet.state,
    clientToken: config.clientToken,
    excessCapacityTerminationPolicy: config.type === 'instant' ? undefined : config.excessPolicy,
    fulfilledCapacity: onDemandUnits + fulfilled(compute, fleet, 'spot'),
    fulfilledOnDemandCapacity: onDemandUnits,
    launchTemplateConfigs: config.templates.map((template) => ({
      launchTemplateSpecification: templateView(template),
      overrides: template.overrides.map(overrideView).filter((override) => override !== ''),
    })),
    targetCapacitySpecification: {
      totalTargetCapacity: config.capacity.total,
      onDemandTargetCapacity: config.capacity.onDemand,
      spotTargetCapacity: config.capacity.spot,
      defaultTargetCapacityType: config.capacity.defaultMarket,
    },
    terminateInstancesWithExpiration: config.terminateOnExpiry,
    type: config.type,
    validFrom: date(config.validFromMs),
    validUntil: date(config.validUntilMs),
    replaceUnhealthyInstances: config.replaceUnhealthy,
    spotOptions: {
      allocationStrategy: config.spotStrategy,
      instanceInterruptionBehavior: 'terminate',
      minTargetCapacity: config.minimumSpot,
    },
    onDemandOptions: { allocationStrategy: config.onDemandStrategy },
    tagSet: tagSet(fleet.tags),
    errorSet: fleet.errors.map(errorView),
    fleetInstanceSet: fleet.launches.map(launchView),
    context: config.context,
  };
}
