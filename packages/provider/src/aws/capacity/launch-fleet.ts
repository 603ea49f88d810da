import { CreateFleetCommand, type EC2Client, type _InstanceType } from '@aws-sdk/client-ec2';
import { retry, type Clock } from '@runctl/core';
import { isEventualConsistency } from '../api/classify.ts';
import { noFleet } from './no-fleet.ts';
import type { FleetOrder } from './fleet-order.ts';
import { makeTemplate } from './launch-template.ts';

/** Creates the launch template and the fleet of a launch; with the same token again, finds those it made before. */
export async function launchFleet(
  client: EC2Client,
  clock: Clock,
  order: FleetOrder,
): Promise<{ fleetId: string; launchTemplateId: string }> {
  const launchTemplateId = await makeTemplate(client, clock, order);
  // The fleet service learns of new templates and profiles a few seconds after the API that made them.
  const answer = await retry(() => client.send(createFleetCommand(order, launchTemplateId)), {
    policy: { attempts: 8, baseMs: 1000, maxMs: 15_000 },
    clock,
    retryable: isEventualConsistency,
  });
  if (answer.FleetId === undefined) throw noFleet(answer.Errors ?? []);
  return { fleetId: answer.FleetId, launchTemplateId };
}

function createFleetCommand(order: FleetOrder, launchTemplateId: string): CreateFleetCommand {
  const onDemand = order.market === 'on-demand';
  const { subnets } = order.target;
  return new CreateFleetCommand({
    Type: 'maintain',
    ClientToken: order.token,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: launchTemplateId, Version: '1' },
        Overrides: order.offers.map(({ machineType, location }) => ({
          InstanceType: machineType as _InstanceType,
          ...(subnets[location] === undefined ? { AvailabilityZone: location } : { SubnetId: subnets[location] }),
        })),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: order.nodes,
      OnDemandTargetCapacity: onDemand ? order.nodes : 0,
      SpotTargetCapacity: onDemand ? 0 : order.nodes,
      DefaultTargetCapacityType: order.market,
    },
    SpotOptions: { AllocationStrategy: 'price-capacity-optimized', InstanceInterruptionBehavior: 'terminate' },
    OnDemandOptions: { AllocationStrategy: 'lowest-price' },
    ExcessCapacityTerminationPolicy: 'termination',
    ReplaceUnhealthyInstances: !onDemand,
    ValidUntil: new Date(order.validUntilMs),
    TerminateInstancesWithExpiration: true,
    TagSpecifications: [{ ResourceType: 'fleet', Tags: [...order.tags] }],
  });
}
