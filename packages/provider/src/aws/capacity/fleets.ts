import {
  DeleteFleetsCommand,
  DescribeFleetsCommand,
  ModifyFleetCommand,
  paginateDescribeFleets,
  type EC2Client,
  type FleetData,
} from '@aws-sdk/client-ec2';
import { RunctlError, required } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import { awsCodeOf } from '../api/classify.ts';
import { TAG, tagValue } from '../api/tags.ts';
import type { ActiveLaunch, CapacityState, CapacityStatus } from '../../port/index.ts';
import type { FleetRef } from './fleet-ref.ts';

/** DescribeFleets has no tag filter, so the match is made here. One that lives comes before those that were deleted. */
export async function findFleet(
  client: EC2Client,
  run: string,
  launch: number,
): Promise<Omit<FleetRef, 'region'> | null> {
  let ended: FleetData | null = null;
  for await (const page of paginateDescribeFleets({ client }, {}))
    for (const fleet of page.Fleets ?? []) {
      if (tagValue(fleet.Tags, TAG.run) !== run || tagValue(fleet.Tags, TAG.launch) !== String(launch)) continue;
      if (statusOf(fleet.FleetState ?? null) === 'active') return idsOf(fleet);
      ended = fleet;
    }
  return ended === null ? null : idsOf(ended);
}

/** Fleets of runctl that make machines, or would: one that waits for capacity has none. */
export async function activeFleets(client: EC2Client): Promise<readonly ActiveLaunch[]> {
  const found: ActiveLaunch[] = [];
  for await (const page of paginateDescribeFleets({ client }, {}))
    for (const { FleetId, FleetState, Tags } of page.Fleets ?? [])
      if (statusOf(FleetState ?? null) === 'active' && tagValue(Tags, TAG.managed) === 'true')
        found.push({ name: required(FleetId, 'fleet id'), run: tagValue(Tags, TAG.run) });
  return found;
}

function idsOf(fleet: FleetData): Omit<FleetRef, 'region'> {
  const specification = fleet.LaunchTemplateConfigs?.[0]?.LaunchTemplateSpecification;
  return {
    fleetId: required(fleet.FleetId, 'fleet id'),
    launchTemplateId: required(specification?.LaunchTemplateId, 'launch template id'),
  };
}

export async function fleetState(client: EC2Client, fleetId: string): Promise<CapacityState> {
  const fleet = await describedFleet(client, fleetId);
  const providerWord = fleet?.FleetState ?? null;
  return {
    status: statusOf(providerWord),
    wanted: fleet?.TargetCapacitySpecification?.TotalTargetCapacity ?? 0,
    running: Math.floor(fleet?.FulfilledCapacity ?? 0),
    providerWord,
  };
}

async function describedFleet(client: EC2Client, fleetId: string): Promise<FleetData | undefined> {
  try {
    return (await client.send(new DescribeFleetsCommand({ FleetIds: [fleetId] }))).Fleets?.[0];
  } catch (error) {
    if (awsCodeOf(error)?.startsWith('InvalidFleetId') === true) return undefined;
    throw error;
  }
}

/** States as in the EC2 user guide, "manage-ec2-fleet"; a failed fleet launches nothing any more. */
function statusOf(state: string | null): CapacityStatus {
  if (state === null) return 'unknown';
  if (['submitted', 'active', 'modifying'].includes(state)) return 'active';
  return state.startsWith('deleted_') ? 'ending' : 'ended';
}

export async function switchFleet(
  client: EC2Client,
  fleetId: string,
  target: { readonly market: Market; readonly nodes: number },
): Promise<void> {
  const { market, nodes } = target;
  await client.send(
    new ModifyFleetCommand({
      FleetId: fleetId,
      TargetCapacitySpecification: {
        TotalTargetCapacity: nodes,
        OnDemandTargetCapacity: market === 'on-demand' ? nodes : 0,
        SpotTargetCapacity: market === 'spot' ? nodes : 0,
        DefaultTargetCapacityType: market,
      },
    }),
  );
}

/** `deleted`: by this call. `not-live`: it was deleted, or has ended, before. `unknown`: EC2 has no such fleet, or none yet. */
export type FleetDeletion = 'deleted' | 'not-live' | 'unknown';

/** Failures stand inside a 200. */
export async function deleteFleet(client: EC2Client, fleetId: string, terminate: boolean): Promise<FleetDeletion> {
  const answer = await client.send(new DeleteFleetsCommand({ FleetIds: [fleetId], TerminateInstances: terminate }));
  const failure = answer.UnsuccessfulFleetDeletions?.[0]?.Error;
  if (failure === undefined) return 'deleted';
  if (failure.Code === 'fleetNotInDeletableState') return 'not-live';
  if (failure.Code === 'fleetIdDoesNotExist') return 'unknown';
  throw new RunctlError('cloud-error', `fleet ${fleetId} was not deleted: ${failure.Code} ${failure.Message ?? ''}`);
}
