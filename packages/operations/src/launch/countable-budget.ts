import { RunctlError } from '@runctl/core';
import type { Offer } from '@runctl/provider';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';

const SHOWN_POOLS = 3;

const isUnknown = ({ pricePerHourUsd }: Offer): boolean => pricePerHourUsd === null;

/**
 * The place as a budget allows it: without the other market where a price there is not known, which a warning says. Errors:
 * `config-invalid` for an unknown price in the launch's own market, with the pools.
 */
export function countablePlace(
  place: LaunchPlace,
  { budgetUsd, assumedPriceUsd }: { readonly budgetUsd: number | null } & Pick<MachineWish, 'assumedPriceUsd'>,
): LaunchPlace {
  if (budgetUsd === null || assumedPriceUsd !== null) return place;
  refuseUnknown(place.offers.filter(isUnknown));
  const unknown = place.fallbackOffers.filter(isUnknown);
  if (unknown.length === 0) return place;
  // A launch that has changed its market takes any of its types there: one that can't be counted is too many.
  const types = [...new Set(unknown.map(({ machineType }) => machineType))];
  const warning = `no fallback to ${unknown[0]?.market}: its price is not known here for ${types.join(', ')}, and the budget could not be kept; --assume-price USD gives one`;
  return { ...place, fallbackOffers: [], warnings: [...place.warnings, warning] };
}

function refuseUnknown(unknown: readonly Offer[]): void {
  if (unknown.length === 0) return;
  const names = unknown.map(({ location, machineType, market }) => `${machineType} ${market} in ${location}`);
  const more = names.length > SHOWN_POOLS ? ` and ${names.length - SHOWN_POOLS} more` : '';
  throw new RunctlError(
    'config-invalid',
    `the budget can't be kept: no price is known for ${names.slice(0, SHOWN_POOLS).join(', ')}${more}`,
    { hint: 'name a price with --assume-price USD (an hour), name other types, or leave --budget out' },
  );
}
