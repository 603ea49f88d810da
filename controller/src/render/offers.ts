import type { OfferEvent } from '@runctl/protocol/events';
import { formatUsd } from '@runctl/core';
import { offerPriceText } from './plan.ts';
import { table } from './table.ts';

/** A line for each place where a machine can be had. */
export function renderOffers(offers: readonly OfferEvent[]): string {
  const days = offers.find(({ range }) => (range ?? null) !== null)?.range?.days ?? null;
  const rows = offers.map((offer) => [
    offer.machineType,
    offer.location,
    offer.market,
    offerPriceText(offer),
    ...(days === null ? [] : [rangeText(offer)]),
    offer.size === undefined ? '?' : String(offer.size.cpus),
    offer.size === undefined ? '?' : `${offer.size.memoryGiB} GiB`,
    acceleratorText(offer),
    offer.architecture ?? 'x64',
  ]);
  const past = days === null ? [] : [`${days} DAYS`];
  return table(['TYPE', 'ZONE', 'MARKET', 'PRICE/H', ...past, 'VCPU', 'MEMORY', 'ACCELERATORS', 'ARCH'], rows);
}

function rangeText({ range }: OfferEvent): string {
  if (range === undefined || range === null) return 'unknown';
  const [low, high] = [formatUsd(range.lowUsd), formatUsd(range.highUsd)];
  return low === high ? low : `${low}–${high}`;
}

function acceleratorText({ size }: OfferEvent): string {
  if (size === undefined) return '?';
  if (size.gpus === null) return '-';
  return size.gpus.count === 0 ? `a share of ${size.gpus.name}` : `${size.gpus.count} × ${size.gpus.name}`;
}
