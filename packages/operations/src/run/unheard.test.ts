import { expect, test } from 'vitest';
import { unheardCost } from './unheard.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const IN_TEN_HOURS = '2026-01-01T10:00:00.000Z';

const priced = (...prices: readonly (number | null)[]) => prices.map((pricePerHourUsd) => ({ pricePerHourUsd }));

type Launch = Omit<Parameters<typeof unheardCost>[0], 'validUntil'>;

const mostUsd = (launch: Launch, nodes = 1): number | null =>
  unheardCost({ ...launch, validUntil: IN_TEN_HOURS }, { nowMs: Date.parse(NOW), nodes, expires: true }).mostUsd;

test.each<[string, Launch, number | null]>([
  ['the dearest of its places', { offers: priced(0.4, 0.5, 0.3) }, 5],
  ['the market that it may go on in', { offers: priced(0.4), fallbackOffers: priced(1.2, 1) }, 12],
  ['a first market that is the dearer one', { offers: priced(2), fallbackOffers: priced(1) }, 20],
  ['what is assumed of a place', { offers: priced(null), assumedPriceUsd: 3 }, 30],
  ['what is assumed of one beside others', { offers: priced(0.4, null), assumedPriceUsd: 3 }, 30],
  ['known prices above what is assumed', { offers: priced(4, null), assumedPriceUsd: 3 }, 40],
  ['what is assumed of the other market', { offers: priced(1), fallbackOffers: priced(null), assumedPriceUsd: 3 }, 30],
  ['no price, of one place', { offers: priced(0.4, null) }, null],
  ['no price, of the other market', { offers: priced(0.4), fallbackOffers: priced(null) }, null],
  ['no assumption that nothing needs', { offers: priced(0.4), assumedPriceUsd: 3 }, 4],
])('machines that never speak are counted at %s', (_what, launch, usd) => {
  expect(mostUsd(launch)).toBe(usd);
  expect(mostUsd(launch, 3)).toBe(usd === null ? null : usd * 3);
});

test('what has ended costs nothing more, and what nobody ends has no figure', () => {
  const launch = { offers: priced(1), validUntil: NOW };
  const at = { nowMs: Date.parse(IN_TEN_HOURS), nodes: 1 };
  expect(unheardCost(launch, { ...at, expires: true })).toEqual({ until: NOW, mostUsd: 0 });
  expect(unheardCost(launch, { ...at, expires: false })).toEqual({ until: null, mostUsd: null });
});
