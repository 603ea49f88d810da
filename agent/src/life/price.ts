import { formatUsd } from '@runctl/core';
import { countedPrice, type LaunchIntent } from '@runctl/protocol';
import type { HostIdentity } from '../host/host.ts';

interface PricedMachine {
  /** USD per hour that this machine is counted at; null where its launch knows no price at all. */
  readonly usd: number | null;
  /** For people: why that may not be its price; null where it was shown for just this place. */
  readonly doubt: string | null;
}

/** What this machine is counted at, wherever the provider has put it. */
export function priceOf(intent: LaunchIntent | null, identity: HostIdentity, budgetUsd: number | null): PricedMachine {
  const { location, machineType, market } = identity;
  const price = countedPrice(intent, identity);
  const place = `${machineType} ${market} in ${location}`;
  if (price === null)
    return {
      usd: null,
      doubt:
        budgetUsd === null
          ? null
          : `the budget of ${formatUsd(budgetUsd)} can't be kept: no price is known for ${place}`,
    };
  if (price.basis === 'shown') return { usd: price.usd, doubt: null };
  const counted = `${formatUsd(price.usd)} an hour`;
  return {
    usd: price.usd,
    doubt:
      price.basis === 'assumed'
        ? `no price is known for ${place}: ${counted} is assumed, as the launch was told`
        : `no price is known for ${place}: it is counted at ${counted}, the dearest that the launch knows of its kind`,
  };
}
