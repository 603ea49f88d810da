import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Offer } from '../offer.ts';
import { countedPrice } from './counted-price.ts';

const offer = (text: string, pricePerHourUsd: number | null): Offer => {
  const [machineType = '', location = '', market = ''] = text.split(' ');
  return { machineType, location, market, pricePerHourUsd };
};

const intent = {
  offers: [
    offer('g5.xlarge a spot', 0.4),
    offer('g5.xlarge b spot', 0.5),
    offer('g6.xlarge a spot', 0.3),
    offer('g6.xlarge b spot', null),
    offer('g4dn.xlarge a spot', null),
  ],
  fallbackOffers: [
    offer('g5.xlarge a on-demand', 1.006),
    offer('g5.xlarge b on-demand', 1.006),
    offer('g6.xlarge a on-demand', 0.8048),
  ],
};

test.each([
  ['a successor in the same pool', 'g5.xlarge a spot', 0.4, 'shown'],
  ['in another zone', 'g5.xlarge b spot', 0.5, 'shown'],
  ['of another type', 'g6.xlarge a spot', 0.3, 'shown'],
  ['after the switch to on-demand', 'g5.xlarge a on-demand', 1.006, 'shown'],
  ['after the switch, of another type', 'g6.xlarge a on-demand', 0.8048, 'shown'],
  ['in a zone whose price was not known', 'g6.xlarge b spot', 0.3, 'dearest'],
  ['in a zone of which nothing was said', 'g5.xlarge c spot', 0.5, 'dearest'],
  ['on demand in such a zone', 'g5.xlarge c on-demand', 1.006, 'dearest'],
  ['of a type without any price', 'g4dn.xlarge a spot', 1.006, 'dearest'],
  ['of a type of which nothing was said', 'p5.48xlarge a spot', 1.006, 'dearest'],
])('%s is counted at its own price, else at the dearest', (_what, machine, usd, basis) => {
  const { location, machineType, market } = offer(machine, null);
  expect(countedPrice(intent, { location, machineType, market })).toEqual({ usd, basis });
});

test('what the launch was told to assume counts where nothing is known, and only there', () => {
  const told = { ...intent, assumedPriceUsd: 2 };
  expect(countedPrice(told, offer('g4dn.xlarge a spot', null))).toEqual({ usd: 2, basis: 'assumed' });
  expect(countedPrice(told, offer('g5.xlarge a spot', null))).toEqual({ usd: 0.4, basis: 'shown' });
});

test('without a launch, or with one that knows no price, there is none', () => {
  expect(countedPrice(null, offer('g5.xlarge a spot', null))).toBeNull();
  expect(countedPrice({ offers: [offer('g5.xlarge a spot', null)] }, offer('g5.xlarge a spot', null))).toBeNull();
});

test('a machine is never counted for free while the launch knows a price', () => {
  const place = fc.constantFrom('g5.xlarge a spot', 'g5.xlarge b on-demand', 'g6.xlarge c spot');
  const price = fc.option(fc.double({ min: 0.01, max: 100, noNaN: true }));
  const pools = fc.array(fc.tuple(place, price), { maxLength: 6 });
  fc.assert(
    fc.property(pools, pools, place, (first, second, machine) => {
      const offers = first.map(([text, usd]) => offer(text, usd));
      const fallbackOffers = second.map(([text, usd]) => offer(text, usd));
      const known = [...offers, ...fallbackOffers].flatMap(({ pricePerHourUsd }) => pricePerHourUsd ?? []);
      const counted = countedPrice({ offers, fallbackOffers }, offer(machine, null));
      if (known.length === 0) expect(counted).toBeNull();
      else expect(known).toContain(counted?.usd);
    }),
  );
});
