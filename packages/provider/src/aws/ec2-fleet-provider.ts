import {
  DeleteFleetsCommand,
  DeleteLaunchTemplateCommand,
  DescribeFleetHistoryCommand,
  DescribeFleetsCommand,
  ModifyFleetCommand,
  paginateDescribeFleets,
  paginateDescribeInstances,
  type DeleteLaunchTemplateCommandInput,
  type EC2Client,
  type FleetData,
  type Instance,
} from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import { RunctlError, required, type Clock } from '@runctl/core';
import type { CloudInstance, FleetEvent, FleetProvider } from '../fleet-provider.ts';
import { awsCodeOf, classifyAwsError } from './api/classify.ts';
import { createEc2Clients } from './api/ec2-client.ts';
import { resolveImage } from './target/images.ts';
import { launchFleet } from './capacity/launch-fleet.ts';
import { findOffers } from './offers/offers.ts';
import { FLEET_TAG, TAG, tagValue } from './api/tags.ts';

/** EC2 behind the FleetProvider port. Credentials, profile and endpoints come from the SDK's standard environment. */
export function createEc2FleetProvider(options: { region: string; clock: Clock }): FleetProvider & { close(): void } {
  const { region, clock } = options;
  const clients = createEc2Clients(region);
  const ssm = new SSMClient({ region });
  const { reading, launching } = clients;
  const doing = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw classifyAwsError(error, what);
    }
  };

  return {
    region,
    offers: (instanceTypes, { market, subnetIds }) =>
      doing('looking for capacity pools', () =>
        findOffers(reading, { instanceTypes, market, subnetIds, nowMs: clock.wallMs() }),
      ),
    resolveImage: (image, instanceTypes) =>
      doing('looking up the image', () => resolveImage({ ec2: reading, ssm }, image, instanceTypes)),
    launch: (request) => doing('creating the fleet', () => launchFleet(launching, clock, request)),

    findFleet: (run, launch) =>
      doing('looking for the fleet', async () => {
        // DescribeFleets has no tag filter, so the match is made here.
        for await (const page of paginateDescribeFleets({ client: reading }, {}))
          for (const fleet of page.Fleets ?? [])
            if (tagValue(fleet.Tags, TAG.run) === run && tagValue(fleet.Tags, TAG.launch) === String(launch))
              return fleetIds(fleet);
        return null;
      }),

    fleet: (fleetId) =>
      doing('reading the fleet', async () => {
        try {
          const { Fleets } = await reading.send(new DescribeFleetsCommand({ FleetIds: [fleetId] }));
          return { fleetId, state: Fleets?.[0]?.FleetState ?? null, fulfilled: Fleets?.[0]?.FulfilledCapacity ?? 0 };
        } catch (error) {
          if (awsCodeOf(error)?.startsWith('InvalidFleetId') === true) return { fleetId, state: null, fulfilled: 0 };
          throw error;
        }
      }),

    fleetEvents: (fleetId, sinceMs) =>
      doing('reading the events of the fleet', async () => {
        const { HistoryRecords = [] } = await reading.send(
          new DescribeFleetHistoryCommand({ FleetId: fleetId, StartTime: new Date(sinceMs), MaxResults: 1000 }),
        );
        return HistoryRecords.map((record): FleetEvent => ({
          atMs: record.Timestamp?.getTime() ?? 0,
          kind: EVENT_KINDS[record.EventType ?? ''] ?? 'information',
          code: record.EventInformation?.EventSubType ?? 'unknown',
          message: record.EventInformation?.EventDescription ?? '',
          instanceId: record.EventInformation?.InstanceId ?? null,
        })).sort((a, b) => a.atMs - b.atMs);
      }),

    switchToOnDemand: (fleetId, nodes) =>
      doing('turning the fleet to on-demand', async () => {
        const target = {
          TotalTargetCapacity: nodes,
          OnDemandTargetCapacity: nodes,
          SpotTargetCapacity: 0,
          DefaultTargetCapacityType: 'on-demand' as const,
        };
        await launching.send(new ModifyFleetCommand({ FleetId: fleetId, TargetCapacitySpecification: target }));
      }),

    instances: (run) =>
      doing('listing instances', async () => {
        const filter =
          run === undefined
            ? { Name: `tag:${TAG.managed}`, Values: ['true'] }
            : { Name: `tag:${TAG.run}`, Values: [run] };
        const found: CloudInstance[] = [];
        for await (const page of paginateDescribeInstances({ client: reading }, { Filters: [filter] }))
          for (const reservation of page.Reservations ?? [])
            found.push(...(reservation.Instances ?? []).map(cloudInstance));
        return found.sort((a, b) => a.launchedAtMs - b.launchedAtMs);
      }),

    deleteFleet: (fleetId, { terminate, launchTemplateId }) =>
      doing('deleting the fleet', async () => {
        const answer = await reading.send(
          new DeleteFleetsCommand({ FleetIds: [fleetId], TerminateInstances: terminate }),
        );
        const failure = answer.UnsuccessfulFleetDeletions?.[0]?.Error;
        if (failure !== undefined && !['fleetIdDoesNotExist', 'fleetNotInDeletableState'].includes(failure.Code ?? ''))
          throw new RunctlError(
            'cloud-error',
            `fleet ${fleetId} was not deleted: ${failure.Code} ${failure.Message ?? ''}`,
          );
        if (launchTemplateId !== null) await deleteTemplate(reading, { LaunchTemplateId: launchTemplateId });
      }),

    deleteTemplate: (templateName) =>
      doing('deleting the launch template', () => deleteTemplate(reading, { LaunchTemplateName: templateName })),

    close: () => {
      clients.close();
      ssm.destroy();
    },
  };
}

const EVENT_KINDS: Readonly<Record<string, FleetEvent['kind']>> = {
  error: 'error',
  'instance-change': 'instance',
  'fleet-change': 'state',
  'service-error': 'error',
};

/** One that is gone already is done. */
async function deleteTemplate(client: EC2Client, which: DeleteLaunchTemplateCommandInput): Promise<void> {
  try {
    await client.send(new DeleteLaunchTemplateCommand(which));
  } catch (error) {
    if (awsCodeOf(error)?.startsWith('InvalidLaunchTemplate') !== true) throw error;
  }
}

function fleetIds(fleet: FleetData): { fleetId: string; launchTemplateId: string } {
  return {
    fleetId: required(fleet.FleetId, 'fleet id'),
    launchTemplateId: required(
      fleet.LaunchTemplateConfigs?.[0]?.LaunchTemplateSpecification?.LaunchTemplateId,
      'launch template id',
    ),
  };
}

function cloudInstance(instance: Instance): CloudInstance {
  const launch = tagValue(instance.Tags, TAG.launch);
  return {
    instanceId: required(instance.InstanceId, 'instance id'),
    state: required(instance.State?.Name, 'instance state'),
    instanceType: instance.InstanceType ?? 'unknown',
    zone: instance.Placement?.AvailabilityZone ?? 'unknown',
    market: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    privateIp: instance.PrivateIpAddress ?? null,
    publicIp: instance.PublicIpAddress ?? null,
    launchedAtMs: instance.LaunchTime?.getTime() ?? 0,
    stateReason: instance.StateReason?.Code ?? null,
    run: tagValue(instance.Tags, TAG.run),
    launch: launch === null ? null : Number(launch),
    fleetId: tagValue(instance.Tags, FLEET_TAG),
  };
}
