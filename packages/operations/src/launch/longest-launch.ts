import type { Offer } from '@runctl/provider';

/** Beyond what a budget pays for: for waiting for machines, for prices that fall, and for a last save. */
const BESIDE_BUDGET_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

export interface LaunchLimits {
  readonly maxRuntimeMs: number;
  readonly budgetUsd: number | null;
  /** USD per hour where an offer has no price; null = nothing is assumed. */
  readonly assumedPriceUsd: number | null;
  readonly offers: readonly Offer[];
  readonly nodes: number;
}

/**
 * How long a launch lasts at most, whatever its agent does: the longest run time, and no longer than the budget pays for at
 * the lowest price of its offers and a day more. Where no price is known or assumed the budget says nothing of time.
 */
export function longestLaunchMs(limits: LaunchLimits): number {
  const { assumedPriceUsd, budgetUsd, maxRuntimeMs, nodes, offers } = limits;
  if (budgetUsd === null) return maxRuntimeMs;
  const lowestUsd = Math.min(...offers.map(({ pricePerHourUsd }) => pricePerHourUsd ?? assumedPriceUsd ?? 0));
  if (!(lowestUsd > 0)) return maxRuntimeMs;
  return Math.min(maxRuntimeMs, Math.ceil((budgetUsd / (lowestUsd * nodes)) * HOUR_MS) + BESIDE_BUDGET_MS);
}
