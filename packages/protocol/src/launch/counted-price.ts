import type { Offer } from '../offer.ts';
import type { LaunchIntent } from './launch.ts';

/** What a machine is counted at, and on what that rests. */
interface CountedPrice {
  readonly usd: number;
  /**
   * `shown`: what the plan showed for where it stands. `assumed`: as whoever launched it said. `dearest`: nothing is known of
   * it, so that the dearest price of the launch counts, of the same type and market where there is one.
   */
  readonly basis: 'shown' | 'assumed' | 'dearest';
}

type Prices = Pick<LaunchIntent, 'offers' | 'fallbackOffers' | 'assumedPriceUsd'>;
type Place = Pick<Offer, 'machineType' | 'location' | 'market'>;

/** The price of a machine of a launch, wherever the provider has put it; null where the launch knows no price at all. */
export function countedPrice(intent: Prices | null, machine: Place): CountedPrice | null {
  if (intent === null) return null;
  const known = [...intent.offers, ...(intent.fallbackOffers ?? [])].flatMap(({ pricePerHourUsd: usd, ...place }) =>
    usd === null ? [] : [{ ...place, usd }],
  );
  const alike = known.filter(
    ({ machineType, market }) => machineType === machine.machineType && market === machine.market,
  );
  const own = alike.find(({ location }) => location === machine.location);
  if (own !== undefined) return { usd: own.usd, basis: 'shown' };
  if (intent.assumedPriceUsd !== undefined) return { usd: intent.assumedPriceUsd, basis: 'assumed' };
  const usd = Math.max(...(alike.length > 0 ? alike : known).map((place) => place.usd));
  return Number.isFinite(usd) ? { usd, basis: 'dearest' } : null;
}
