import type { Clock } from '@runctl/core';
import type { CloudInstance, FleetEvent, FleetProvider, LaunchRequest } from '../fleet-provider.ts';
import type { MachineState, RentedMachine } from '../port/index.ts';
import { classified } from './api/classify.ts';
import { createAwsClients, type AwsAccess, type AwsClients } from './api/clients.ts';
import { tagsOf } from './api/tags.ts';
import { createAwsProvider } from './aws-provider.ts';
import type { FleetOrder } from './capacity/fleet-order.ts';
import { deleteFleet } from './capacity/fleets.ts';
import { launchFleet } from './capacity/launch-fleet.ts';
import { deleteTemplate } from './capacity/launch-template.ts';
import { subnetsByZone } from './offers/network.ts';
import { resolveImage } from './target/images.ts';

/** EC2 behind the FleetProvider port, for callers that do not take a Provider yet. */
export function createEc2FleetProvider(
  options: AwsAccess & { readonly clock: Clock },
): FleetProvider & { close(): void } {
  const { region, clock } = options;
  const provider = createAwsProvider(options);
  const clients = createAwsClients(options);
  const { reading, launching, ssm } = clients;
  const refOf = (fleetId: string) => ({ region, fleetId, launchTemplateId: '' });

  return {
    region,
    offers: async (machineTypes, { market, subnetIds }) => {
      const settings = { subnets: subnetIds };
      const offers = await provider.offers({ machineTypes, market, architecture: 'x64', settings });
      const subnets = await classified('looking for subnets', () => subnetsByZone(reading, subnetIds));
      return offers.map(({ machineType, location, pricePerHourUsd }) => ({
        machineType,
        location,
        subnetId: subnetIds.length === 0 ? null : (subnets.get(location) ?? null),
        market,
        pricePerHourUsd,
      }));
    },
    resolveImage: (image, machineTypes) =>
      classified(
        'looking up the image',
        async () => (await resolveImage({ ec2: reading, ssm }, image, machineTypes)).imageId,
      ),
    launch: (request) =>
      classified('creating the fleet', async () =>
        launchFleet(launching, clock, await orderOf(request, { region, clients })),
      ),
    findFleet: async (run, launch) => {
      const found = await provider.find(run, launch);
      return found as { readonly fleetId: string; readonly launchTemplateId: string } | null;
    },
    fleet: async (fleetId) => {
      const { providerWord, running } = await provider.state(refOf(fleetId));
      return { fleetId, state: providerWord, fulfilled: running };
    },
    fleetEvents: async (fleetId, sinceMs) =>
      (await provider.events(refOf(fleetId), sinceMs)).map((event): FleetEvent => ({
        atMs: event.atMs,
        kind: event.kind === 'machine' ? 'instance' : event.kind,
        code: event.code,
        message: event.message,
        machineId: event.machineId,
      })),
    switchToOnDemand: (fleetId, nodes) => provider.markets.switchTo(refOf(fleetId), 'on-demand', nodes),
    instances: async (run) => (await provider.machines(run)).map(instanceOf),
    deleteFleet: (fleetId, { terminate, launchTemplateId }) =>
      classified('deleting the fleet', async () => {
        await deleteFleet(reading, fleetId, terminate);
        if (launchTemplateId !== null) await deleteTemplate(reading, { LaunchTemplateId: launchTemplateId });
      }),
    deleteTemplate: (templateName) =>
      classified('deleting the launch template', () => deleteTemplate(reading, { LaunchTemplateName: templateName })),
    close: () => {
      provider.close();
      clients.close();
    },
  };
}

async function orderOf(
  request: LaunchRequest,
  where: { readonly region: string; readonly clients: AwsClients },
): Promise<FleetOrder> {
  const { ssm, reading } = where.clients;
  const { pools, imageId, rootVolumeGiB, instanceProfile, securityGroupIds } = request;
  const image =
    rootVolumeGiB === null
      ? null
      : await resolveImage({ ec2: reading, ssm }, imageId, [...new Set(pools.map((pool) => pool.machineType))]);
  const device = image?.rootDevice ?? null;
  return {
    ...request,
    token: request.clientToken,
    tags: tagsOf(request),
    offers: pools.map(({ machineType, location, market, pricePerHourUsd }) => ({
      machineType,
      location,
      market,
      pricePerHourUsd,
    })),
    target: {
      region: where.region,
      imageId,
      instanceProfile,
      securityGroupIds: [...securityGroupIds],
      subnets: Object.fromEntries(
        pools.flatMap(({ location, subnetId }) => (subnetId === null ? [] : [[location, subnetId] as const])),
      ),
      rootDisk:
        device === null || rootVolumeGiB === null
          ? null
          : { deviceName: device.name, sizeGiB: Math.max(rootVolumeGiB, device.sizeGiB) },
    },
  };
}

const STATES: Readonly<Record<MachineState, CloudInstance['state']>> = {
  starting: 'pending',
  running: 'running',
  ending: 'shutting-down',
  stopped: 'stopped',
  ended: 'terminated',
};

function instanceOf(machine: RentedMachine): CloudInstance {
  return {
    machineId: machine.machineId,
    state: STATES[machine.state],
    machineType: machine.machineType,
    location: machine.location,
    market: machine.market,
    privateIp: machine.addresses.private,
    publicIp: machine.addresses.public,
    launchedAtMs: machine.launchedAtMs,
    stateReason: machine.endReason,
    run: machine.run,
    launch: machine.launch,
    fleetId: null,
  };
}
