import { inParallel } from '@runctl/core';
import * as z from 'zod';
import type { JsonService } from '../api/account-services.ts';

/** With more types than this the whole region is cheaper to read. */
const MOST_TYPES = 20;
const CONCURRENCY = 8;

const page = z.object({ NextToken: z.string().nullish(), PriceList: z.array(z.string()) });

const product = z.object({
  product: z.object({ attributes: z.object({ instanceType: z.string() }) }),
  terms: z.object({
    OnDemand: z
      .record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.string().optional() }) }),
          ),
        }),
      )
      .default({}),
  }),
});

/** What is rented: Linux on a shared machine, without software or a reservation. */
const LINUX = {
  operatingSystem: 'Linux',
  preInstalledSw: 'NA',
  tenancy: 'Shared',
  capacitystatus: 'Used',
  marketoption: 'OnDemand',
} as const;

/** USD per hour of each type that AWS has a price of in the region. Rejects as a JsonService. */
export async function toldPrices(
  pricing: JsonService,
  region: string,
  machineTypes: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const asked = machineTypes.length > MOST_TYPES ? [{}] : machineTypes.map((instanceType) => ({ instanceType }));
  const prices = new Map<string, number>();
  await inParallel(asked, { concurrency: CONCURRENCY }, async (type) => {
    for await (const { machineType, usd } of products(pricing, { ...LINUX, regionCode: region, ...type }))
      // Of several the dearest, so that nothing costs more than was shown.
      prices.set(machineType, Math.max(usd, prices.get(machineType) ?? 0));
  });
  return prices;
}

async function* products(
  pricing: JsonService,
  attributes: Readonly<Record<string, string>>,
): AsyncGenerator<{ readonly machineType: string; readonly usd: number }> {
  const Filters = Object.entries(attributes).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value }));
  let token: string | null | undefined;
  do {
    const input = { ServiceCode: 'AmazonEC2', FormatVersion: 'aws_v1', MaxResults: 100, Filters };
    const answer = page.parse(await pricing.call('GetProducts', { ...input, ...(token ? { NextToken: token } : {}) }));
    for (const text of answer.PriceList) yield* priceIn(text);
    token = answer.NextToken;
  } while (token);
}

/** An entry is JSON in a string. One that says no price per hour in dollars says nothing. */
function priceIn(text: string): ReadonlyArray<{ readonly machineType: string; readonly usd: number }> {
  const { product: sold, terms } = product.parse(JSON.parse(text));
  const dimensions = Object.values(terms.OnDemand).flatMap((term) => Object.values(term.priceDimensions));
  return dimensions
    .filter(({ unit }) => /^hrs?$/i.test(unit))
    .map(({ pricePerUnit }) => ({ machineType: sold.attributes.instanceType, usd: Number(pricePerUnit.USD) }))
    .filter(({ usd }) => usd > 0);
}
