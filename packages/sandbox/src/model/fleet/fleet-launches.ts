import { AwsError, asAwsError } from '../aws-error.ts';
import type { EventLog } from '../ec2/event-log.ts';
import type { Instance } from '../ec2/instance.ts';
import type { Launcher } from '../ec2/launcher.ts';
import { capacityError } from '../ec2/launcher.ts';
import { newResourceId } from '../ec2/resource-ids.ts';
import type { ComputeSettings } from '../ec2/settings.ts';
import type { SpotRequests } from '../ec2/spot-requests.ts';
import type { Fleet } from './fleet.ts';
import {
  ALL_REST,
  NO_PRICE_REACHES,
  ROLE_INVALID,
  SPOT_COUNT_LIMIT,
  failureWords,
  recordInHistory,
} from './fleet-history.ts';
import type { FleetPlan } from './fleet-plan.ts';
import type { FleetPool } from './fleet-pools.ts';

export interface FleetLaunchesOptions {
  readonly nowMs: () => number;
  readonly settings: ComputeSettings;
  readonly events: EventLog;
  readonly spotRequests: SpotRequests;
  readonly launcher: Launcher;
}

/** Launches members of fleets, and says in the history what came of it. */
export class FleetLaunches {
  readonly #options: FleetLaunchesOptions;

  constructor(options: FleetLaunchesOptions) {
    this.#options = options;
  }

  /** Launches one member in a pool. Throws the error of a launch that fails. */
  launchIn(fleet: Fleet, pool: FleetPool): Instance {
    if (pool.spec === null) throw pool.failure ?? new AwsError('InternalError', 'a pool without a launch spec');
    this.#options.settings.admit('FleetLaunch');
    const instance = this.#options.launcher.launch(pool.spec, {
      reservationId: newResourceId('r'),
      launchIndex: 0,
      clientToken: fleet.id,
      fleetId: fleet.id,
    });
    fleet.members.set(instance.id, { weight: pool.weight, poolKey: pool.key });
    return instance;
  }

  /** Does the same; a failure is recorded, and marks the fleet as failing. */
  tryLaunch(fleet: Fleet, pool: FleetPool | undefined): void {
    if (pool === undefined) return;
    try {
      const instance = this.launchIn(fleet, pool);
      const market = pool.market === 'spot' ? 'spot' : 'onDemand';
      fleet.obtained[market] += pool.weight;
      const { type, image, zone } = instance.spec;
      const described = { instanceType: type.name, image: image.id, productDescription: 'Linux/UNIX' };
      const description = JSON.stringify({ ...described, availabilityZone: zone.name });
      const launched = { type: 'instanceChange', subType: 'launched', description, instanceId: instance.id } as const;
      recordInHistory(fleet, launched, this.#options.nowMs());
    } catch (error) {
      this.#recordFailure(fleet, pool, asAwsError(error));
    }
  }

  /** Records the units that a plan could not get, and leaves spot requests open for them. */
  reportMissing(fleet: Fleet, plan: FleetPlan, pools: readonly FleetPool[]): void {
    for (const { market, units, tried } of plan.unfulfilled) {
      for (const { index } of tried) {
        const pool = pools[index];
        if (pool !== undefined) this.#recordFailure(fleet, pool, pool.failure ?? this.#full(pool));
      }
      if (tried.length === 0) fleet.failing = true;
      const open = market === 'spot' ? Math.ceil(units) - this.#options.spotRequests.openOf(fleet.id).length : 0;
      for (let count = 0; count < open; count++) this.#options.spotRequests.open(fleet.id, 'capacity-not-available');
    }
  }

  /** Whether the fleet leaves this pool alone for now. */
  isResting(fleet: Fleet, pool: FleetPool): boolean {
    return (fleet.resting.get(this.#restKey(pool)) ?? 0) > this.#options.nowMs();
  }

  /** Records that no pool of the fleet is tried for now, once for each such time. */
  reportRest(fleet: Fleet, pools: readonly FleetPool[]): void {
    const nowMs = this.#options.nowMs();
    if (pools.length === 0 || !pools.every((pool) => this.isResting(fleet, pool))) return;
    if (!this.#sayOnce(fleet, 'all rest')) return;
    const lately = fleet.history.slice(-pools.length).map(({ subType, description }) => `${subType} ${description}`);
    const all = (text: string) => lately.every((said) => said.includes(text));
    recordInHistory(fleet, all('less than Spot market price') ? NO_PRICE_REACHES : ALL_REST, nowMs);
    if (all('Spot Max Instance Count Exceeded')) recordInHistory(fleet, SPOT_COUNT_LIMIT, nowMs);
  }

  /** Whether the fleet's own role lets it launch; where not, its history says so. */
  mayLaunch(fleet: Fleet): boolean {
    if (this.#options.settings.hasFleetRole) return true;
    fleet.failing = true;
    if (this.#sayOnce(fleet, 'role')) recordInHistory(fleet, ROLE_INVALID, this.#options.nowMs());
    return false;
  }

  /** When the fleet may have more to try: soon while some pool is not resting. */
  retryMs(fleet: Fleet, pools: readonly FleetPool[]): number {
    const { nowMs, settings } = this.#options;
    const ends = pools.map((pool) => fleet.resting.get(this.#restKey(pool)) ?? 0);
    const firstEndMs = ends.length === 0 ? 0 : Math.min(...ends);
    return Math.max(settings.delays.fleetRetryMs, firstEndMs - nowMs());
  }

  #full(pool: FleetPool): AwsError {
    const where = { type: pool.spec?.type.name ?? '', zone: pool.place, market: pool.market };
    return capacityError(pool.errorCode, where);
  }

  /** Whether a rest holds for both markets of a type and zone is not known of EC2: a setting. */
  #restKey(pool: FleetPool): string {
    return this.#options.settings.fleetRests.bothMarkets ? pool.key.split(' ').slice(1).join(' ') : pool.key;
  }

  #recordFailure(fleet: Fleet, pool: FleetPool, error: AwsError): void {
    const { events, nowMs, settings } = this.#options;
    if (!fleet.failing) events.add('no-capacity', { fleetId: fleet.id, detail: error.code });
    fleet.failing = true;
    const { words, rests } = failureWords(pool, error, settings.fleetRests);
    if (rests) fleet.resting.set(this.#restKey(pool), nowMs() + settings.delays.poolRestMs);
    if (this.#sayOnce(fleet, `${words.subType} ${words.description}`)) recordInHistory(fleet, words, nowMs());
  }

  /** How often EC2 repeats itself is not known: as often as a pool rests. */
  #sayOnce(fleet: Fleet, what: string): boolean {
    const nowMs = this.#options.nowMs();
    if ((fleet.said.get(what) ?? 0) > nowMs) return false;
    fleet.said.set(what, nowMs + this.#options.settings.delays.poolRestMs);
    return true;
  }
}
