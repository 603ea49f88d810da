import { AwsError } from '../../model/aws-error.ts';
import type { FleetCapacity, FleetConfig, FleetOverride, FleetTemplate, FleetType } from '../../model/fleet/fleet.ts';
import type { SpotStrategy } from '../../model/fleet/fleet-plan.ts';
import type { Tags } from '../../model/ec2/tags.ts';
import { tagSpecifications } from './action.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

const spotStrategies: readonly SpotStrategy[] = [
  'lowest-price',
  'diversified',
  'capacity-optimized',
  'capacity-optimized-prioritized',
  'price-capacity-optimized',
];

/** User guide, "EC2 Fleet quotas": the target capacity of one fleet. */
const maximumTarget = 10_000;

/** Override fields that only instant fleets take (d.ts FleetLaunchTemplateOverridesRequest). */
const instantOnly = [
  'BlockDeviceMapping',
  'BlockDeviceMappings',
  'IamInstanceProfile',
  'ImageId',
  'KeyName',
  'MetadataOptions',
  'UserData',
];
/** The fields among those that are modelled for instant fleets. */
const modelledInstantOnly = ['ImageId'];

/** Reads a CreateFleet request. Throws for what EC2 refuses at once; what pools lack shows later. */
export function fleetConfigOf(parameters: Parameters): FleetConfig {
  const type = parameters.choice('Type', ['maintain', 'request', 'instant']) ?? 'maintain';
  const spot = parameters.structure('SpotOptions');
  const tags = tagSpecifications(parameters, type === 'instant' ? ['fleet', 'instance', 'volume'] : ['fleet']);
  checkSpotOptions(spot);
  return {
    type,
    clientToken: parameters.text('ClientToken') ?? '',
    templates: templatesOf(parameters, 'LaunchTemplateConfigs', type),
    capacity: capacityOf(parameters.structure('TargetCapacitySpecification'), null),
    spotStrategy: strategyOf(spot),
    onDemandStrategy:
      parameters.structure('OnDemandOptions').choice('AllocationStrategy', ['lowest-price', 'prioritized']) ??
      'lowest-price',
    minimumSpot: spot.integer('MinTargetCapacity') ?? null,
    excessPolicy: excessPolicyOf(parameters) ?? 'termination',
    terminateOnExpiry: parameters.flag('TerminateInstancesWithExpiration') ?? false,
    replaceUnhealthy: parameters.flag('ReplaceUnhealthyInstances') ?? false,
    validFromMs: parameters.time('ValidFrom') ?? null,
    validUntilMs: parameters.time('ValidUntil') ?? null,
    tags: tags.get('fleet') ?? new Map<string, string>(),
    instanceTags: new Map<string, Tags>([...tags].filter(([resourceType]) => resourceType !== 'fleet')),
    context: parameters.text('Context') ?? null,
  };
}

/** The configuration of `current` with what ModifyFleet changes. */
export function modifiedConfig(parameters: Parameters, current: FleetConfig): FleetConfig {
  const templates = parameters.has('LaunchTemplateConfig')
    ? templatesOf(parameters, 'LaunchTemplateConfig', current.type)
    : current.templates;
  return {
    ...current,
    templates,
    capacity: parameters.has('TargetCapacitySpecification')
      ? capacityOf(parameters.structure('TargetCapacitySpecification'), current.capacity)
      : current.capacity,
    excessPolicy: excessPolicyOf(parameters) ?? current.excessPolicy,
  };
}

function excessPolicyOf(parameters: Parameters) {
  return parameters.choice('ExcessCapacityTerminationPolicy', ['termination', 'no-termination']);
}

function strategyOf(spot: Parameters): SpotStrategy {
  const given = spot.text('AllocationStrategy');
  // The query API's older spelling: lowestPrice, capacityOptimized, …
  const spelled = given?.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const known = spotStrategies.find((strategy) => strategy === (spelled ?? 'lowest-price'));
  if (known !== undefined) return known;
  throw new AwsError('InvalidParameterValue', `Value (${given}) for parameter AllocationStrategy is invalid.`);
}

function checkSpotOptions(spot: Parameters): void {
  const behavior = spot.text('InstanceInterruptionBehavior') ?? 'terminate';
  if (behavior !== 'terminate')
    throw new AwsError('UnsupportedOperation', `InstanceInterruptionBehavior '${behavior}' is not modelled.`);
  if (spot.has('MaintenanceStrategies'))
    throw new AwsError(
      'UnsupportedOperation',
      'SpotOptions.MaintenanceStrategies (capacity rebalancing) is not modelled.',
    );
}

function capacityOf(specification: Parameters, current: FleetCapacity | null): FleetCapacity {
  const total = specification.integer('TotalTargetCapacity') ?? current?.total;
  if (total === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter TotalTargetCapacity');
  if (total > maximumTarget)
    throw new AwsError(
      'InvalidTargetCapacitySpecification',
      `The target capacity of a fleet can be at most ${maximumTarget}.`,
    );
  const given = specification.choice('DefaultTargetCapacityType', ['spot', 'on-demand', 'capacity-block']);
  if (given === 'capacity-block') throw new AwsError('UnsupportedOperation', 'Capacity blocks are not modelled.');
  const defaultMarket = given ?? current?.defaultMarket ?? 'on-demand';
  const onDemandGiven = specification.integer('OnDemandTargetCapacity');
  const spotGiven = specification.integer('SpotTargetCapacity');
  const onDemand = onDemandGiven ?? (defaultMarket === 'spot' ? 0 : total - (spotGiven ?? 0));
  const spot = spotGiven ?? total - onDemand;
  const rest = total - onDemand - spot;
  const capacity = {
    total,
    defaultMarket,
    onDemand: defaultMarket === 'on-demand' ? onDemand + rest : onDemand,
    spot: defaultMarket === 'spot' ? spot + rest : spot,
  };
  if (total < 0 || rest < 0 || capacity.onDemand < 0 || capacity.spot < 0) {
    throw new AwsError(
      'InvalidTargetCapacitySpecification',
      'The sum of OnDemandTargetCapacity and SpotTargetCapacity can not be above TotalTargetCapacity.',
    );
  }
  return capacity;
}

function templatesOf(parameters: Parameters, name: string, type: FleetType): FleetTemplate[] {
  const configs = parameters.structures(name);
  if (configs.length === 0)
    throw new AwsError('MissingParameter', 'The request must contain the parameter LaunchTemplateConfigs');
  return configs.map((config) => {
    const specification = config.structure('LaunchTemplateSpecification');
    const id = specification.text('LaunchTemplateId') ?? null;
    const template = specification.text('LaunchTemplateName') ?? null;
    if ((id === null) === (template === null)) {
      throw new AwsError(
        'InvalidParameterCombination',
        'Specify either the launch template ID or the launch template name, but not both.',
      );
    }
    // d.ts FleetLaunchTemplateSpecificationRequest: "You must specify a value, otherwise the request fails."
    const version = specification.required('Version');
    const overrides = config.structures('Overrides').map((override) => overrideOf(override, type));
    return { id, name: template, version, overrides: overrides.length > 0 ? overrides : [nothingOverridden] };
  });
}

const nothingOverridden: FleetOverride = {
  instanceType: null,
  maxPrice: null,
  subnetId: null,
  zoneName: null,
  weightedCapacity: null,
  priority: null,
  imageId: null,
};

function overrideOf(override: Parameters, type: FleetType): FleetOverride {
  if (override.has('InstanceRequirements'))
    throw new AwsError('UnsupportedOperation', 'InstanceRequirements is not modelled; name instance types.');
  for (const field of instantOnly) {
    if (!override.has(field) || (type === 'instant' && modelledInstantOnly.includes(field))) continue;
    if (type === 'instant') throw new AwsError('UnsupportedOperation', `Override ${field} is not modelled.`);
    throw new AwsError(
      'InvalidParameterCombination',
      `The override ${field} is supported for fleets of type instant only.`,
    );
  }
  const weightedCapacity = override.decimal('WeightedCapacity') ?? null;
  if (weightedCapacity !== null && weightedCapacity <= 0)
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${weightedCapacity}) for parameter WeightedCapacity is invalid.`,
    );
  return {
    instanceType: override.text('InstanceType') ?? null,
    maxPrice: override.text('MaxPrice') ?? null,
    subnetId: override.text('SubnetId') ?? null,
    zoneName: override.text('AvailabilityZone') ?? override.structure('Placement').text('AvailabilityZone') ?? null,
    weightedCapacity,
    priority: override.decimal('Priority') ?? null,
    imageId: override.text('ImageId') ?? null,
  };
}
