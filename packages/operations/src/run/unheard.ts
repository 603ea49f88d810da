import type { LaunchIntent, Offer } from '@runctl/protocol';

/** What a launch may cost whose machines boot and never speak, when nobody ends it. */
export interface UnheardCost {
  /** The provider ends it then; null where it does not. */
  readonly until: string | null;
  /** From now to then, at the dearest price that was shown or assumed, after a change of market too; null where a price or the end is unknown. */
  readonly mostUsd: number | null;
}

type Priced = readonly Pick<Offer, 'pricePerHourUsd'>[];

/** What of an intent decides it. */
type UnheardLaunch = Pick<LaunchIntent, 'assumedPriceUsd' | 'validUntil'> & {
  readonly offers: Priced;
  readonly fallbackOffers?: Priced | undefined;
};

/** Pure. `expires`: whether the provider ends a launch at its `validUntil`. */
export function unheardCost(
  { assumedPriceUsd, fallbackOffers = [], offers, validUntil }: UnheardLaunch,
  at: { readonly nowMs: number; readonly nodes: number; readonly expires: boolean },
): UnheardCost {
  if (!at.expires) return { until: null, mostUsd: null };
  const hours = Math.max(0, Date.parse(validUntil) - at.nowMs) / 3_600_000;
  const prices = [...offers, ...fallbackOffers].map(
    ({ pricePerHourUsd }) => pricePerHourUsd ?? assumedPriceUsd ?? null,
  );
  const known = prices.filter((price) => price !== null);
  const mostUsd = known.length < prices.length ? null : Math.max(...known) * hours * at.nodes;
  return { until: validUntil, mostUsd };
}
