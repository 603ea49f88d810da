import table from './on-demand-prices.json' with { type: 'json' };

/**
 * The list price of an on-demand machine, Linux, USD per hour; null where the table has none: a type that is newer, or a region
 * whose prices it does not hold. It moves rarely, and what is computed from it is an estimate. Source and date: in the table,
 * which `.dev/tables/make.py` makes.
 */
export function onDemandPriceUsd(region: string, machineType: string): number | null {
  const regions: Readonly<Record<string, Readonly<Record<string, number>>>> = table.usdPerHour;
  return regions[region]?.[machineType] ?? null;
}
