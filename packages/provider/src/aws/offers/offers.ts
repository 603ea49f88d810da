import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  type EC2Client,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import { RunctlError, nearest, required } from '@runctl/core';
import type { Market, Pool } from '@runctl/protocol';
import { onDemandPriceUsd } from './prices.ts';

interface OfferRequest {
  readonly instanceTypes: readonly string[];
  readonly market: Market;
  readonly subnetIds: readonly string[];
  readonly nowMs: number;
}

/** Types × zones that exist, cheapest first; only zones of the given subnets, else those with a default subnet. */
export async function findOffers(client: EC2Client, request: OfferRequest): Promise<readonly Pool[]> {
  const [offered, subnetOfZone] = await Promise.all([
    offeredZones(client, request.instanceTypes),
    subnetsByZone(client, request.subnetIds),
  ]);
  await refuseUnknownTypes(client, request.instanceTypes, offered);
  const prices =
    request.market === 'spot'
      ? await spotPrices(client, request.instanceTypes, request.nowMs)
      : new Map<string, number>();
  const pools = offered
    .filter(({ zone }) => subnetOfZone.has(zone))
    .map(({ instanceType, zone }) => ({
      instanceType,
      zone,
      subnetId: request.subnetIds.length === 0 ? null : (subnetOfZone.get(zone) ?? null),
      market: request.market,
      pricePerHourUsd:
        request.market === 'spot' ? (prices.get(`${instanceType}/${zone}`) ?? null) : onDemandPriceUsd(instanceType),
    }));
  if (pools.length === 0)
    throw new RunctlError(
      'pool-invalid',
      `no zone ${request.subnetIds.length === 0 ? 'with a default subnet' : 'of the given subnets'} offers ${request.instanceTypes.join(', ')}`,
      {
        hint: 'add a subnet in another zone, or another instance type',
      },
    );
  return pools.sort(
    (a, b) => (a.pricePerHourUsd ?? Infinity) - (b.pricePerHourUsd ?? Infinity) || a.zone.localeCompare(b.zone),
  );
}

interface Offered {
  readonly instanceType: string;
  readonly zone: string;
}

async function offeredZones(client: EC2Client, instanceTypes: readonly string[] | null): Promise<Offered[]> {
  const offered: Offered[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        ...(instanceTypes === null ? {} : { Filters: [{ Name: 'instance-type', Values: [...instanceTypes] }] }),
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? [])
      offered.push({ instanceType: required(InstanceType, 'instance type'), zone: required(Location, 'zone') });
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return offered;
}

async function refuseUnknownTypes(
  client: EC2Client,
  wanted: readonly string[],
  offered: readonly Offered[],
): Promise<void> {
  const missing = wanted.filter((type) => !offered.some((offer) => offer.instanceType === type));
  if (missing.length === 0) return;
  const all = new Set((await offeredZones(client, null)).map((offer) => offer.instanceType));
  const close = missing.map((type) => nearest(type, all)).filter((type) => type !== null);
  throw new RunctlError('instance-type-unknown', `this region has no instance type ${missing.join(', ')}`, {
    hint: close.length === 0 ? 'choose another type or region' : `did you mean ${close.join(', ')}?`,
  });
}

/** The default subnet of each zone: a launch that names none can go nowhere else. */
async function defaultSubnetsByZone(client: EC2Client): Promise<Map<string, string>> {
  const { Subnets = [] } = await client.send(
    new DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }),
  );
  if (Subnets.length === 0)
    throw new RunctlError('config-invalid', 'this account has no default VPC in this region, and no subnet is named', {
      hint: 'name subnets with --subnet or `subnets = ["subnet-…"]` in .runctl.toml; `aws ec2 describe-subnets` lists them',
    });
  return new Map(Subnets.map((subnet) => [subnet.AvailabilityZone ?? '', subnet.SubnetId ?? '']));
}

async function subnetsByZone(client: EC2Client, subnetIds: readonly string[]): Promise<Map<string, string>> {
  if (subnetIds.length === 0) return defaultSubnetsByZone(client);
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
  const byZone = new Map<string, string>();
  // A fleet cannot use two subnets of one zone (EC2 user guide, "EC2 Fleet limitations"): the first named wins.
  for (const id of subnetIds) {
    const zone = Subnets.find((subnet) => subnet.SubnetId === id)?.AvailabilityZone;
    if (zone !== undefined && !byZone.has(zone)) byZone.set(zone, id);
  }
  return byZone;
}

/** `type/zone` → USD per hour now. */
async function spotPrices(
  client: EC2Client,
  instanceTypes: readonly string[],
  nowMs: number,
): Promise<Map<string, number>> {
  const latest = new Map<string, { atMs: number; usd: number }>();
  let token: string | undefined;
  do {
    const page = await client.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: instanceTypes.map((type) => type as _InstanceType),
        ProductDescriptions: ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'],
        StartTime: new Date(nowMs),
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of page.SpotPriceHistory ?? []) {
      const key = `${InstanceType}/${AvailabilityZone}`;
      const atMs = Timestamp?.getTime() ?? 0;
      if (SpotPrice !== undefined && atMs >= (latest.get(key)?.atMs ?? -1))
        latest.set(key, { atMs, usd: Number(SpotPrice) });
    }
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return new Map([...latest].map(([key, { usd }]) => [key, usd]));
}
