import { accountServices, type ServiceConnection } from '../api/account-services.ts';
import { toldPrices } from './told-prices.ts';

export interface ListPrice {
  /** Of an hour. */
  readonly usd: number;
  /** Date of the list that it is from; null = AWS told it now. */
  readonly listedAt: string | null;
}

/** List prices on demand, Linux, by type; a type of which none is known is missing. Never rejects. */
export type OnDemandPrices = (machineTypes: readonly string[]) => Promise<ReadonlyMap<string, ListPrice>>;

/** A price is only shown: nobody waits longer for one answer. */
const TIMEOUT_MS = 4000;

/** As AWS tells them; where it does not, for want of a right too, as the list has them that runctl brings along. */
export function onDemandPrices(connection: ServiceConnection): OnDemandPrices {
  const { pricing, region } = accountServices({ ...connection, timeoutMs: TIMEOUT_MS });
  return async (machineTypes) => {
    const told = pricing === null ? NOTHING : await toldPrices(pricing, region, machineTypes).catch(() => NOTHING);
    const missing = machineTypes.filter((type) => !told.has(type));
    const listed = missing.length === 0 ? NO_LIST : await listedPrices(region, missing);
    return new Map([...listed, ...[...told].map(([type, usd]) => [type, { usd, listedAt: null }] as const)]);
  };
}

const NOTHING: ReadonlyMap<string, number> = new Map();
const NO_LIST: ReadonlyMap<string, ListPrice> = new Map();

/** Source and date: in the table, which `.dev/tables/make.py` makes. It has few regions, and no type that is newer. */
export async function listedPrices(
  region: string,
  machineTypes: readonly string[],
): Promise<ReadonlyMap<string, ListPrice>> {
  const { default: table } = await import('./on-demand-prices.json', { with: { type: 'json' } });
  const regions: Readonly<Record<string, Readonly<Record<string, number>>>> = table.usdPerHour;
  const prices = regions[region] ?? {};
  return new Map(
    machineTypes.flatMap((type) => {
      const usd = Object.hasOwn(prices, type) ? prices[type] : undefined;
      return usd === undefined ? [] : [[type, { usd, listedAt: table.date }] as const];
    }),
  );
}
