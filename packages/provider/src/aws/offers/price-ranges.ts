import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Offer, PriceRange } from '../../port/index.ts';
import { spotPriceChanges } from './spot-prices.ts';

/** Of spot by its history, of on-demand by its list price, which has no history. */
export async function priceRanges(
  client: EC2Client,
  offers: readonly Offer[],
  sinceMs: number,
): Promise<ReadonlyArray<PriceRange | null>> {
  const spotTypes = new Set(offers.filter(({ market }) => market === 'spot').map(({ machineType }) => machineType));
  const ranges = new Map<string, PriceRange>();
  for await (const { pool, usd } of spotPriceChanges(client, [...spotTypes], sinceMs)) {
    const { lowUsd, highUsd } = ranges.get(pool) ?? { lowUsd: usd, highUsd: usd };
    ranges.set(pool, { lowUsd: Math.min(lowUsd, usd), highUsd: Math.max(highUsd, usd) });
  }
  return offers.map(({ location, machineType, market, pricePerHourUsd: usd }) => {
    if (market === 'spot') return ranges.get(`${machineType}/${location}`) ?? null;
    return usd === null ? null : { lowUsd: usd, highUsd: usd };
  });
}
