import { isRunctlError, RunctlError, type Clock } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import type { OfferEvent } from '@runctl/protocol/events';
import type { Offer, PriceRange, Provider } from '@runctl/provider';
import { offerWishOf } from '../launch/index.ts';

/** What is looked for: as of a launch, in one market or in all that the provider has. */
type OffersWish = Parameters<typeof offerWishOf>[0] & {
  readonly market: Market | null;
  /** Also tells where prices have been for so many days; null = not. */
  readonly days: number | null;
};

/**
 * Where machines can be had and what they cost now, cheapest first, unknown prices last. A read: nothing is asked for. Errors:
 * those of the provider's offers, where no market has any.
 */
export async function listOffers(
  {
    clock,
    provider,
  }: { readonly clock: Clock; readonly provider: Pick<Provider, 'can' | 'name' | 'offers' | 'prices'> },
  wish: OffersWish,
): Promise<readonly OfferEvent[]> {
  refuseUnknownHistory(provider, wish);
  const markets = wish.market === null ? provider.can.markets.value : [wish.market];
  const refusals: RunctlError[] = [];
  const offersIn = async (market: Market): Promise<readonly Offer[]> => {
    try {
      return await provider.offers(offerWishOf(wish, market));
    } catch (error) {
      // A type that is sold in one market alone is shown there.
      if (!isRunctlError(error, 'pool-invalid')) throw error;
      refusals.push(error);
      return [];
    }
  };
  const found = (await Promise.all(markets.map(offersIn))).flat();
  const [refused] = refusals;
  if (found.length === 0 && refused !== undefined) throw refused;
  const sorted = found.toSorted((a, b) => (a.pricePerHourUsd ?? Infinity) - (b.pricePerHourUsd ?? Infinity));
  const { days } = wish;
  if (days === null || provider.prices === undefined) return sorted.map((offer) => ({ type: 'offer', ...offer }));
  const ranges = await provider.prices.ranges(sorted, clock.wallMs() - days * DAY_MS);
  return sorted.map((offer, at) => ({ type: 'offer', ...offer, range: withDays(ranges[at] ?? null, days) }));
}

const DAY_MS = 86_400_000;

function refuseUnknownHistory({ name, prices }: Pick<Provider, 'name' | 'prices'>, { days }: OffersWish): void {
  if (days === null || prices !== undefined) return;
  throw new RunctlError('usage', `${name} does not tell what machines have cost`, { hint: 'leave --days out' });
}

function withDays(range: PriceRange | null, days: number): OfferEvent['range'] {
  return range === null ? null : { days, ...range };
}
