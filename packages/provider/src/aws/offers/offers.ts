import { DescribeInstanceTypeOfferingsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { RunctlError, nearest, required } from '@runctl/core';
import type { Offer, OfferWish } from '../../port/index.ts';
import { subnetsByZone } from './network.ts';
import { onDemandPriceUsd } from './prices.ts';
import { readAwsSettings } from './settings.ts';
import { spotPrices } from './spot-prices.ts';

/** One accelerator each, in the families that spot has most of. */
const DEFAULT_MACHINE_TYPES: readonly string[] = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'];

/** Types × zones that exist, cheapest first; only zones of the given subnets, else those with a default subnet. */
export async function findOffers(client: EC2Client, wish: OfferWish, nowMs: number): Promise<readonly Offer[]> {
  const machineTypes = wish.machineTypes.length > 0 ? wish.machineTypes : DEFAULT_MACHINE_TYPES;
  refuseOtherArchitecture(machineTypes, wish.architecture);
  const { subnets } = readAwsSettings(wish.settings);
  const [offered, subnetOfZone] = await Promise.all([
    offeredZones(client, machineTypes),
    subnetsByZone(client, subnets),
  ]);
  await refuseUnknownTypes(client, machineTypes, offered);
  const spot = wish.market === 'spot' ? await spotPrices(client, machineTypes, nowMs) : null;
  const offers = offered
    .filter(({ zone }) => subnetOfZone.has(zone))
    .map(({ machineType, zone }): Offer => {
      const usd = spot === null ? onDemandPriceUsd(machineType) : (spot.get(`${machineType}/${zone}`) ?? null);
      return { machineType, location: zone, market: wish.market, pricePerHourUsd: usd };
    });
  if (offers.length === 0)
    throw new RunctlError(
      'pool-invalid',
      `no zone ${subnets.length === 0 ? 'with a default subnet' : 'of the given subnets'} offers ${machineTypes.join(', ')}`,
      { hint: 'add a subnet in another zone, or another instance type' },
    );
  return offers.sort(
    (a, b) => (a.pricePerHourUsd ?? Infinity) - (b.pricePerHourUsd ?? Infinity) || a.location.localeCompare(b.location),
  );
}

function refuseOtherArchitecture(machineTypes: readonly string[], architecture: OfferWish['architecture']): void {
  const other = machineTypes.find((type) => isArm(type) !== (architecture === 'arm64'));
  if (other === undefined) return;
  const [has, wants] = architecture === 'x64' ? ['an ARM', 'x86-64'] : ['an x86-64', 'ARM'];
  throw new RunctlError('pool-invalid', `${other} is ${has} machine, and the agent's runtime is for ${wants}`, {
    hint:
      architecture === 'x64'
        ? 'name an x86-64 type, such as g5.xlarge or m7i.large'
        : 'name an ARM type, such as g5g.xlarge',
  });
}

/** Families with a Graviton processor have a `g` after their number (EC2 user guide, "Instance type naming conventions"). */
function isArm(machineType: string): boolean {
  return /^(a1|[a-z]+\d+g[a-z]*)\./.test(machineType);
}

interface OfferedType {
  readonly machineType: string;
  readonly zone: string;
}

async function offeredZones(client: EC2Client, machineTypes: readonly string[] | null): Promise<OfferedType[]> {
  const offered: OfferedType[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        ...(machineTypes === null ? {} : { Filters: [{ Name: 'instance-type', Values: [...machineTypes] }] }),
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? [])
      offered.push({ machineType: required(InstanceType, 'instance type'), zone: required(Location, 'zone') });
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return offered;
}

async function refuseUnknownTypes(
  client: EC2Client,
  wanted: readonly string[],
  offered: readonly OfferedType[],
): Promise<void> {
  const missing = wanted.filter((type) => !offered.some((offer) => offer.machineType === type));
  if (missing.length === 0) return;
  const all = new Set((await offeredZones(client, null)).map((offer) => offer.machineType));
  const close = missing.map((type) => nearest(type, all)).filter((type) => type !== null);
  throw new RunctlError('instance-type-unknown', `this region has no instance type ${missing.join(', ')}`, {
    hint: close.length === 0 ? 'choose another type or region' : `did you mean ${close.join(', ')}?`,
  });
}
