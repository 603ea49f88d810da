import { asAwsError } from '../aws-error.ts';
import type { Fleet, FleetLaunchError } from './fleet.ts';
import { rankPools } from './fleet-plan.ts';
import type { FleetPool } from './fleet-pools.ts';
import type { Instance } from '../ec2/instance.ts';
import type { InstanceMarket } from '../ec2/settings.ts';

/** EC2 was seen to try no more pools than this for one instant fleet; the rest it reports as unfulfillable. */
const triedPools = 3;

interface Round {
  readonly launched: Map<FleetPool, string[]>;
  readonly failed: Map<FleetPool, { code: string; message: string }>;
}

/** Launches what an instant fleet can get, once, and leaves instances and errors in it. */
export function launchInstantFleet(
  fleet: Fleet,
  pools: readonly FleetPool[],
  launch: (pool: FleetPool) => Instance,
): void {
  for (const market of ['on-demand', 'spot'] as const) {
    const wanted = market === 'spot' ? fleet.config.capacity.spot : fleet.config.capacity.onDemand;
    const candidates = rank(fleet, pools, market);
    const minimum = market === 'spot' ? (fleet.config.minimumSpot ?? 0) : 0;
    const round = roomFor(candidates) < minimum ? nothing(candidates) : launchUnits(candidates, wanted, launch);
    for (const pool of pools.filter((candidate) => candidate.market === market && candidate.failure !== null))
      fleet.errors.push(errorOf(pool, pool.failure ?? { code: '', message: '' }));
    for (const [pool, error] of round.failed) fleet.errors.push(errorOf(pool, error));
    for (const [pool, instanceIds] of round.launched) fleet.launches.push({ ...launchOf(pool), instanceIds });
  }
}

/** Best first, whether they have room or not: EC2 learns that only by trying. */
function rank(fleet: Fleet, pools: readonly FleetPool[], market: InstanceMarket): FleetPool[] {
  const usable = pools.filter((pool) => pool.spec !== null);
  const blind = usable.map((pool) => ({ ...pool, free: null }));
  const ranked = rankPools(
    { ...fleet.config, target: { spot: 0, onDemand: 0 }, terminateExcess: false, members: [], pools: blind },
    market,
  );
  return ranked.flatMap(({ index }) => usable.filter((pool) => pool.index === index));
}

function roomFor(candidates: readonly FleetPool[]): number {
  return candidates
    .slice(0, triedPools)
    .reduce((sum, pool) => sum + (pool.free ?? Number.MAX_SAFE_INTEGER) * pool.weight, 0);
}

const unfulfillable = {
  code: 'UnfulfillableCapacity',
  message: 'Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.',
};

function nothing(candidates: readonly FleetPool[]): Round {
  return { launched: new Map(), failed: new Map(candidates.map((pool) => [pool, unfulfillable])) };
}

function launchUnits(candidates: readonly FleetPool[], wanted: number, launch: (pool: FleetPool) => Instance): Round {
  const round: Round = { launched: new Map(), failed: new Map() };
  let units = 0;
  for (const pool of candidates) {
    if (units >= wanted) return round;
    if (round.failed.size >= triedPools) {
      round.failed.set(pool, unfulfillable);
      continue;
    }
    while (units < wanted) {
      try {
        const { id } = launch(pool);
        round.launched.set(pool, [...(round.launched.get(pool) ?? []), id]);
        units += pool.weight;
      } catch (error) {
        const { code, message } = asAwsError(error);
        round.failed.set(pool, { code, message });
        break;
      }
    }
  }
  return round;
}

function launchOf(pool: FleetPool) {
  return {
    market: pool.market,
    template: pool.template,
    override: { ...pool.override, zoneName: pool.place },
    instanceType: pool.spec?.type.name ?? '',
  };
}

function errorOf(pool: FleetPool, error: { code: string; message: string }): FleetLaunchError {
  return {
    market: pool.market,
    template: pool.template,
    override: pool.override,
    code: error.code,
    message: error.message,
  };
}
