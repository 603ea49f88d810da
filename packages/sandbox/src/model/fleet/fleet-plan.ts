import type { InstanceMarket } from '../ec2/settings.ts';

export type SpotStrategy =
  'lowest-price' | 'diversified' | 'capacity-optimized' | 'capacity-optimized-prioritized' | 'price-capacity-optimized';

/** One place where a fleet may launch: an override (or the template itself) in one zone. */
export interface CandidatePool {
  /** Names the pool for one fleet: its place among the fleet's candidates. */
  readonly index: number;
  readonly market: InstanceMarket;
  readonly weight: number;
  readonly priority: number;
  readonly pricePerHourUsd: number;
  /** Instances that fit; null = without limit. 0 when the pool can't be used, `errorCode` then says why. */
  readonly free: number | null;
  readonly errorCode: string;
  /** EC2 took an instance from this pool a moment ago. */
  readonly interruptedLately: boolean;
}

export interface FleetMember {
  readonly instanceId: string;
  readonly market: InstanceMarket;
  readonly weight: number;
  /** Pool that it was launched in; null when the fleet's configuration changed since. */
  readonly poolIndex: number | null;
  readonly launchedAtMs: number;
}

interface FleetTarget {
  readonly spot: number;
  readonly onDemand: number;
}

export interface FleetPlanInput {
  readonly target: FleetTarget;
  readonly spotStrategy: SpotStrategy;
  readonly onDemandStrategy: 'lowest-price' | 'prioritized';
  /**
   * Whether members above the target are ended: in the pass after a modification only. Weights may overshoot a target,
   * and ending such a member at the next pass would end what was just launched.
   */
  readonly terminateExcess: boolean;
  /** Those that count: pending or running, and not under notice. */
  readonly members: readonly FleetMember[];
  readonly pools: readonly CandidatePool[];
}

export interface FleetPlan {
  /** Indexes of pools, one for each instance to launch. */
  readonly launches: readonly number[];
  readonly terminations: readonly string[];
  /** Markets in which units are missing that no pool has room for, and what the pools answer. */
  readonly unfulfilled: ReadonlyArray<{
    readonly market: InstanceMarket;
    readonly units: number;
    readonly tried: readonly CandidatePool[];
  }>;
}

type Order = (a: CandidatePool, b: CandidatePool) => number;
const byPrice: Order = (a, b) => a.pricePerHourUsd / a.weight - b.pricePerHourUsd / b.weight;
const byPriority: Order = (a, b) => a.priority - b.priority;
const byCapacity: Order = (a, b) => (b.free ?? Number.MAX_SAFE_INTEGER) - (a.free ?? Number.MAX_SAFE_INTEGER);
const bySafety: Order = (a, b) => Number(a.interruptedLately) - Number(b.interruptedLately);

function orderOf(strategy: SpotStrategy | 'prioritized', inUse: (index: number) => number): Order {
  const orders: Readonly<Record<SpotStrategy | 'prioritized', readonly Order[]>> = {
    'lowest-price': [byPrice],
    prioritized: [byPriority, byPrice],
    diversified: [(a, b) => inUse(a.index) - inUse(b.index), byPrice],
    'capacity-optimized': [bySafety, byCapacity, byPrice],
    'capacity-optimized-prioritized': [bySafety, byPriority, byPrice],
    'price-capacity-optimized': [bySafety, byPrice],
  };
  return (a, b) => orders[strategy].reduce((decided, order) => decided || order(a, b), 0) || a.index - b.index;
}

/** Pools of a market that still have room, best first. */
export function rankPools(
  input: FleetPlanInput,
  market: InstanceMarket,
  launched: readonly number[] = [],
): CandidatePool[] {
  const strategy = market === 'spot' ? input.spotStrategy : input.onDemandStrategy;
  const inUse = (index: number) =>
    launched.filter((other) => other === index).length +
    input.members.filter((member) => member.poolIndex === index).length;
  const taken = (index: number) => launched.filter((other) => other === index).length;
  return input.pools
    .filter((pool) => pool.market === market && (pool.free === null || pool.free > taken(pool.index)))
    .sort(orderOf(strategy, inUse));
}

interface MarketPlan {
  readonly launches: number[];
  readonly terminations: string[];
  readonly missing: number;
}

function planMarket(input: FleetPlanInput, market: InstanceMarket, wanted: number): MarketPlan {
  const members = input.members.filter((member) => member.market === market);
  const launches: number[] = [];
  const terminations: string[] = [];
  let units = members.reduce((sum, member) => sum + member.weight, 0);
  while (units < wanted) {
    const pool = rankPools(input, market, launches)[0];
    if (pool === undefined) break;
    launches.push(pool.index);
    units += pool.weight;
  }
  if (input.terminateExcess) {
    for (const member of members.toSorted((a, b) => b.launchedAtMs - a.launchedAtMs)) {
      if (units - member.weight < wanted) continue;
      terminations.push(member.instanceId);
      units -= member.weight;
    }
  }
  return { launches, terminations, missing: Math.max(0, wanted - units) };
}

/** The launches and terminations that bring a fleet to its target. Pure: the same input gives the same plan. */
export function planFleet(input: FleetPlanInput): FleetPlan {
  const markets: ReadonlyArray<readonly [InstanceMarket, number]> = [
    ['on-demand', input.target.onDemand],
    ['spot', input.target.spot],
  ];
  const plans = markets.map(([market, wanted]) => ({ market, ...planMarket(input, market, wanted) }));
  return {
    launches: plans.flatMap((plan) => plan.launches),
    terminations: plans.flatMap((plan) => plan.terminations),
    unfulfilled: plans
      .filter((plan) => plan.missing > 0)
      .map((plan) => ({
        market: plan.market,
        units: plan.missing,
        tried: input.pools.filter((pool) => pool.market === plan.market),
      })),
  };
}
