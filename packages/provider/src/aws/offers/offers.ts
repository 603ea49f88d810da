import type { EC2Client } from '@aws-sdk/client-ec2';
import { RunctlError } from '@runctl/core';
import type { Offer, OfferWish } from '../../port/index.ts';
import { neededTypes, refuseLacking } from './needed-types.ts';
import { subnetsByZone } from './network.ts';
import { knownTypes, offeredZones, typesHere } from './offered-types.ts';
import type { OnDemandPrices } from './prices.ts';
import { readAwsSettings } from './settings.ts';
import { spotPrices } from './spot-prices.ts';
import { commonArchitecture, refuseOtherMarket } from './suitable-types.ts';
import type { TypeFacts } from './type-facts.ts';

/** One accelerator each, in the families that spot has most of. */
const DEFAULT_MACHINE_TYPES: Readonly<Record<'x64' | 'arm64', readonly string[]>> = {
  x64: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'],
  arm64: ['g5g.xlarge', 'g5g.2xlarge', 'g5g.4xlarge'],
};

/** Of types that nobody named: a fleet takes 300 pools (EC2 user guide, "Fleet quotas"), and a region has six zones at most. */
const MOST_TYPES = 20;

/** Types × zones that exist, cheapest first; only zones of the given subnets, else those with a default subnet. */
export async function findOffers(
  client: EC2Client,
  wish: OfferWish,
  { prices, nowMs }: { readonly prices: OnDemandPrices; readonly nowMs: number },
): Promise<readonly Offer[]> {
  const { market } = wish;
  const { subnets } = readAwsSettings(wish.settings);
  const [types, subnetOfZone] = await Promise.all([typesOf(client, wish), subnetsByZone(client, subnets)]);
  const architecture = commonArchitecture(types, wish.architecture);
  refuseOtherMarket(types, market);
  const machineTypes = types.map(({ machineType }) => machineType);
  const sizes = new Map(types.map(({ machineType, size }) => [machineType, size]));
  const [offered, priceIn] = await Promise.all([
    offeredZones(client, machineTypes),
    market === 'spot' ? spotPricesNow(client, machineTypes, nowMs) : listPrices(prices, machineTypes),
  ]);
  const offers = offered
    .filter(({ zone }) => subnetOfZone.has(zone))
    .map(({ machineType, zone }): Offer => {
      const size = sizes.get(machineType);
      const offer = { machineType, location: zone, market, ...priceIn(machineType, zone), architecture };
      return size === undefined ? offer : { ...offer, size };
    });
  if (offers.length === 0) throw nowhere(machineTypes, subnets);
  offers.sort(
    (a, b) => (a.pricePerHourUsd ?? Infinity) - (b.pricePerHourUsd ?? Infinity) || a.location.localeCompare(b.location),
  );
  return wish.machineTypes.length > 0 ? offers : cheapestTypes(offers);
}

type PriceIn = (machineType: string, zone: string) => Pick<Offer, 'pricePerHourUsd' | 'listedAt'>;

async function spotPricesNow(client: EC2Client, machineTypes: readonly string[], nowMs: number): Promise<PriceIn> {
  const spot = await spotPrices(client, machineTypes, nowMs);
  return (machineType, zone) => ({ pricePerHourUsd: spot.get(`${machineType}/${zone}`) ?? null });
}

async function listPrices(prices: OnDemandPrices, machineTypes: readonly string[]): Promise<PriceIn> {
  const known = await prices(machineTypes);
  return (machineType) => {
    const { usd, listedAt } = known.get(machineType) ?? { usd: null, listedAt: null };
    return { pricePerHourUsd: usd, ...(listedAt === null ? {} : { listedAt }) };
  };
}

async function typesOf(client: EC2Client, wish: OfferWish): Promise<readonly TypeFacts[]> {
  const need = wish.need ?? null;
  if (wish.machineTypes.length > 0) {
    const named = await knownTypes(client, [...new Set(wish.machineTypes)]);
    if (need !== null) refuseLacking(named, need);
    return named;
  }
  if (need !== null) return neededTypes(client, need, wish);
  return typesHere(client, DEFAULT_MACHINE_TYPES[wish.architecture ?? 'x64']);
}

function cheapestTypes(offers: readonly Offer[]): readonly Offer[] {
  const kept = new Set([...new Set(offers.map(({ machineType }) => machineType))].slice(0, MOST_TYPES));
  return offers.filter(({ machineType }) => kept.has(machineType));
}

function nowhere(machineTypes: readonly string[], subnets: readonly string[]): RunctlError {
  const where = subnets.length === 0 ? 'with a default subnet' : 'of the given subnets';
  return new RunctlError('pool-invalid', `no zone ${where} offers ${machineTypes.join(', ')}`, {
    hint: 'add a subnet in another zone, or another instance type',
  });
}
