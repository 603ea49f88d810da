import type { LaunchIntent } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { priceOf } from './price.ts';

const intent = {
  offers: [{ machineType: 'g5.xlarge', location: 'a', market: 'spot', pricePerHourUsd: 0.4 }],
  fallbackOffers: [{ machineType: 'g5.xlarge', location: 'a', market: 'on-demand', pricePerHourUsd: 1.006 }],
} as unknown as LaunchIntent;
const machine = { machineId: 'i-1', machineType: 'g5.xlarge', location: 'a', market: 'spot', capacity: null } as const;

test('a machine that stands where the plan said has no doubt about its price, in either market', () => {
  expect(priceOf(intent, machine, 5)).toEqual({ usd: 0.4, doubt: null });
  expect(priceOf(intent, { ...machine, market: 'on-demand' }, 5)).toEqual({ usd: 1.006, doubt: null });
});

test('one that stands elsewhere is counted at the dearest price, and says so', () => {
  const { doubt, usd } = priceOf(intent, { ...machine, machineType: 'p5.48xlarge' }, 5);
  expect(usd).toBe(1.006);
  expect(doubt).toBe(
    'no price is known for p5.48xlarge spot in a: it is counted at $1.01 an hour, the dearest that the launch knows of its kind',
  );
});

test('one whose price was assumed says so', () => {
  const assumed = { ...intent, assumedPriceUsd: 2 };
  expect(priceOf(assumed, { ...machine, machineType: 'p5.48xlarge' }, null)).toEqual({
    usd: 2,
    doubt: 'no price is known for p5.48xlarge spot in a: $2.00 an hour is assumed, as the launch was told',
  });
});

test('a budget that nothing can count is said, and no price without a budget is nothing to say', () => {
  expect(priceOf(null, machine, 5)).toEqual({
    usd: null,
    doubt: "the budget of $5.00 can't be kept: no price is known for g5.xlarge spot in a",
  });
  expect(priceOf(null, machine, null)).toEqual({ usd: null, doubt: null });
});
