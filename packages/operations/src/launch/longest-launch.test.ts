import { expect, test } from 'vitest';
import { longestLaunchMs } from './longest-launch.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 168 * HOUR_MS;

/** In hours; `prices` are those of the offers, `null` where one is not known. */
function longestHours(
  budgetUsd: number | null,
  prices: readonly (number | null)[],
  { nodes = 1, assumedPriceUsd = null }: { readonly nodes?: number; readonly assumedPriceUsd?: number | null } = {},
): number {
  const offers = prices.map((pricePerHourUsd, index) => ({
    machineType: `type-${index}`,
    location: 'here',
    market: 'spot' as const,
    pricePerHourUsd,
  }));
  return longestLaunchMs({ maxRuntimeMs: WEEK_MS, budgetUsd, assumedPriceUsd, offers, nodes }) / HOUR_MS;
}

test.each<
  [
    what: string,
    budgetUsd: number | null,
    machines: Parameters<typeof longestHours> extends [unknown, ...infer Machines] ? Machines : never,
    hours: number,
  ]
>([
  ['no budget', null, [[1]], 168],
  ['what it pays for, and a day', 10, [[1]], 34],
  ['the lowest price, by which nobody is cut off early', 10, [[4, 2, 0.5]], 44],
  ['several machines', 10, [[1], { nodes: 5 }], 26],
  ['a budget that pays for longer than the longest run time', 1000, [[1]], 168],
  ['a price that is not known', 10, [[1, null]], 168],
  ['one that is assumed', 10, [[null], { assumedPriceUsd: 2 }], 29],
  ['one that is assumed, for several machines', 10, [[null], { assumedPriceUsd: 2, nodes: 5 }], 25],
  ['one that is assumed below the others', 10, [[4, null], { assumedPriceUsd: 0.5 }], 44],
  ['one that is assumed above the others', 10, [[1, null], { assumedPriceUsd: 5 }], 34],
  ['known prices, whatever is assumed', 10, [[1], { assumedPriceUsd: 0.1 }], 34],
  ['an offer that costs nothing', 10, [[0]], 168],
  ['the price of one hour', 1, [[1]], 25],
  ['a tiny budget, for which machines may be waited for', 0.01, [[1]], 24.01],
  ['a price far below a cent', 1, [[0.001]], 168],
])('a launch lasts at most as its budget says: %s', (_what, budgetUsd, machines, hours) => {
  expect(longestHours(budgetUsd, ...machines)).toBeCloseTo(hours, 5);
});
