import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planFleet, rankPools } from './fleet-plan.ts';
import type { CandidatePool, FleetPlanInput, SpotStrategy } from './fleet-plan.ts';

const market = fc.constantFrom('spot' as const, 'on-demand' as const);
const strategy = fc.constantFrom<SpotStrategy>(
  'lowest-price',
  'diversified',
  'capacity-optimized',
  'capacity-optimized-prioritized',
  'price-capacity-optimized',
);

const poolOf = fc.record({
  market,
  weight: fc.integer({ min: 1, max: 4 }),
  priority: fc.integer({ min: 0, max: 3 }),
  pricePerHourUsd: fc.double({ min: 0.01, max: 40, noNaN: true }),
  free: fc.option(fc.integer({ min: 0, max: 4 })),
  errorCode: fc.constant('InsufficientInstanceCapacity'),
  interruptedLately: fc.boolean(),
});

const memberOf = fc.record({
  market,
  weight: fc.integer({ min: 1, max: 4 }),
  poolIndex: fc.constant(null),
  launchedAtMs: fc.integer({ min: 0, max: 1000 }),
});

const input: fc.Arbitrary<FleetPlanInput> = fc
  .record({
    target: fc.record({ spot: fc.integer({ min: 0, max: 8 }), onDemand: fc.integer({ min: 0, max: 8 }) }),
    spotStrategy: strategy,
    onDemandStrategy: fc.constantFrom('lowest-price' as const, 'prioritized' as const),
    terminateExcess: fc.boolean(),
    members: fc.array(memberOf, { maxLength: 8 }),
    pools: fc.array(poolOf, { maxLength: 9 }),
  })
  .map((made) => ({
    ...made,
    members: made.members.map((member, index) => ({ ...member, instanceId: `i-${index}` })),
    pools: made.pools.map((pool, index) => ({ ...pool, index })),
  }));

/** Units of a market after the plan was carried out. */
function unitsAfter(before: FleetPlanInput, of: 'spot' | 'on-demand'): number {
  const plan = planFleet(before);
  const kept = before.members.filter(
    (member) => member.market === of && !plan.terminations.includes(member.instanceId),
  );
  const launched = plan.launches.map((index) => before.pools[index]!).filter((pool) => pool.market === of);
  return [...kept, ...launched].reduce((sum, { weight }) => sum + weight, 0);
}

const wanted = (before: FleetPlanInput, of: 'spot' | 'on-demand') =>
  of === 'spot' ? before.target.spot : before.target.onDemand;

describe('a fleet plan', () => {
  test('reaches the target of each market, or says how many units are missing', () => {
    fc.assert(
      fc.property(input, market, (before, of) => {
        const missing = planFleet(before).unfulfilled.find((entry) => entry.market === of)?.units ?? 0;
        expect(unitsAfter(before, of) + missing).toBeGreaterThanOrEqual(wanted(before, of));
        if (missing > 0) expect(rankPools(before, of, planFleet(before).launches)).toEqual([]);
      }),
    );
  });

  test('never launches beyond the target by a whole instance, nor into a full pool', () => {
    fc.assert(
      fc.property(input, (before) => {
        const { launches } = planFleet(before);
        for (const [index, pool] of before.pools.entries()) {
          const taken = launches.filter((launched) => launched === index).length;
          if (pool.free !== null) expect(taken).toBeLessThanOrEqual(pool.free);
        }
        for (const of of ['spot', 'on-demand'] as const) {
          const last = launches.map((index) => before.pools[index]!).findLast((pool) => pool.market === of);
          if (last !== undefined) expect(unitsAfter(before, of) - last.weight).toBeLessThan(wanted(before, of));
        }
      }),
    );
  });

  test('never ends a member that the target needs, and none at all without the policy', () => {
    fc.assert(
      fc.property(input, (before) => {
        const { terminations } = planFleet(before);
        if (!before.terminateExcess) expect(terminations).toEqual([]);
        for (const of of ['spot', 'on-demand'] as const) {
          if (terminations.some((id) => before.members.find((member) => member.instanceId === id)?.market === of))
            expect(unitsAfter(before, of)).toBeGreaterThanOrEqual(wanted(before, of));
        }
      }),
    );
  });

  test('launches nothing more after it was carried out, and ends nothing that it launched', () => {
    fc.assert(
      fc.property(input, (before) => {
        const plan = planFleet(before);
        const launched = plan.launches.map((index, nth) => ({
          instanceId: `new-${nth}`,
          market: before.pools[index]!.market,
          weight: before.pools[index]!.weight,
          poolIndex: index,
          launchedAtMs: 2000,
        }));
        const pools = before.pools.map((pool) => ({
          ...pool,
          free: pool.free === null ? null : pool.free - plan.launches.filter((index) => index === pool.index).length,
        }));
        const members = before.members.filter(({ instanceId }) => !plan.terminations.includes(instanceId));
        const again = planFleet({ ...before, terminateExcess: false, pools, members: [...members, ...launched] });
        expect([again.launches, again.terminations]).toEqual([[], []]);
      }),
    );
  });
});

describe('the order of pools', () => {
  const pool = (index: number, changes: Partial<CandidatePool>): CandidatePool => ({
    index,
    market: 'spot',
    weight: 1,
    priority: index,
    pricePerHourUsd: 1,
    free: null,
    errorCode: '',
    interruptedLately: false,
    ...changes,
  });
  const pools = [
    pool(0, { pricePerHourUsd: 1, interruptedLately: true }),
    pool(1, { pricePerHourUsd: 3, free: 9, priority: 0 }),
    pool(2, { pricePerHourUsd: 2, free: 2, priority: 5 }),
    pool(3, { pricePerHourUsd: 8, weight: 8, free: 1, priority: 9 }),
  ];

  test.each<[SpotStrategy, number[]]>([
    ['lowest-price', [0, 3, 2, 1]],
    ['price-capacity-optimized', [3, 2, 1, 0]],
    ['capacity-optimized', [1, 2, 3, 0]],
    ['capacity-optimized-prioritized', [1, 2, 3, 0]],
  ])('under %s is %j', (spotStrategy, order) => {
    const base = { target: { spot: 1, onDemand: 0 }, onDemandStrategy: 'lowest-price' as const, members: [], pools };
    const ranked = rankPools({ ...base, spotStrategy, terminateExcess: false }, 'spot');
    expect(ranked.map(({ index }) => index)).toEqual(order);
  });

  test('under diversified spreads over all pools before it uses one twice', () => {
    const plan = planFleet({
      target: { spot: 6, onDemand: 0 },
      spotStrategy: 'diversified',
      onDemandStrategy: 'lowest-price',
      terminateExcess: false,
      members: [],
      pools: pools.slice(0, 3),
    });
    expect(plan.launches).toEqual([0, 2, 1, 0, 2, 1]);
  });
});
