import { RunctlError } from '@runctl/core';
import type { Offer } from '@runctl/provider';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';

const SHOWN_POOLS = 3;

/**
 * Refuses a budget that could not be counted wherever the launch may put its machine. Errors: `config-invalid`, with the places
 * whose price is not known.
 */
export function refuseUncountedBudget(
  { offers, fallbackOffers }: Pick<LaunchPlace, 'offers' | 'fallbackOffers'>,
  { budgetUsd, assumedPriceUsd }: { readonly budgetUsd: number | null } & Pick<MachineWish, 'assumedPriceUsd'>,
): void {
  if (budgetUsd === null || assumedPriceUsd !== null) return;
  const isUnknown = ({ pricePerHourUsd }: Offer): boolean => pricePerHourUsd === null;
  const unknown = [...offers.filter(isUnknown), ...fallbackOffers.filter(isUnknown)];
  if (unknown.length === 0) return;
  const names = unknown.map(({ location, machineType, market }) => `${machineType} ${market} in ${location}`);
  const more = names.length > SHOWN_POOLS ? ` and ${names.length - SHOWN_POOLS} more` : '';
  const fallback = offers.some(isUnknown) ? '' : ', --no-fallback';
  throw new RunctlError(
    'config-invalid',
    `the budget can't be kept: no price is known for ${names.slice(0, SHOWN_POOLS).join(', ')}${more}`,
    { hint: `name a price with --assume-price USD (an hour)${fallback}, name other types, or leave --budget out` },
  );
}
