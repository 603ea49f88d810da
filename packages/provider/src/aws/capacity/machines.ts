import { paginateDescribeInstances, type EC2Client, type Instance, type InstanceStateName } from '@aws-sdk/client-ec2';
import { required } from '@runctl/core';
import type { MachineState, RentedMachine } from '../../port/index.ts';
import { TAG, tagValue } from '../api/tags.ts';
import { endCauseOf } from './end-cause.ts';

/** Instances of a run, or all that runctl made; oldest first. */
export async function findMachines(client: EC2Client, run: string | undefined): Promise<RentedMachine[]> {
  const filter =
    run === undefined ? { Name: `tag:${TAG.managed}`, Values: ['true'] } : { Name: `tag:${TAG.run}`, Values: [run] };
  const found: RentedMachine[] = [];
  for await (const page of paginateDescribeInstances({ client }, { Filters: [filter] }))
    for (const reservation of page.Reservations ?? []) found.push(...(reservation.Instances ?? []).map(rentedMachine));
  return found.sort((a, b) => a.launchedAtMs - b.launchedAtMs);
}

const STATES: Readonly<Record<InstanceStateName, MachineState>> = {
  pending: 'starting',
  running: 'running',
  'shutting-down': 'ending',
  stopping: 'ending',
  stopped: 'stopped',
  terminated: 'ended',
};

function rentedMachine(instance: Instance): RentedMachine {
  const launch = tagValue(instance.Tags, TAG.launch);
  return {
    machineId: required(instance.InstanceId, 'instance id'),
    state: STATES[required(instance.State?.Name, 'instance state')],
    machineType: instance.InstanceType ?? 'unknown',
    location: instance.Placement?.AvailabilityZone ?? 'unknown',
    market: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    addresses: { private: instance.PrivateIpAddress ?? null, public: instance.PublicIpAddress ?? null },
    launchedAtMs: instance.LaunchTime?.getTime() ?? 0,
    endReason: instance.StateReason?.Code ?? null,
    endCause: endCauseOf(instance.StateReason),
    run: tagValue(instance.Tags, TAG.run),
    launch: launch === null ? null : Number(launch),
  };
}
