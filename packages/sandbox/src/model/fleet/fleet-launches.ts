import { AwsError, asAwsError } from '../aws-error.ts';
import type { EventLog } from '../ec2/event-log.ts';
import type { Instance } from '../ec2/instance.ts';
import type { Launcher } from '../ec2/launcher.ts';
import { capacityError } from '../ec2/launcher.ts';
import { newResourceId } from '../ec2/resource-ids.ts';
import type { ComputeSettings } from '../ec2/settings.ts';
import type { SpotRequests } from '../ec2/spot-requests.ts';
import type { Fleet } from './fleet.ts';
import { recordInHistory } from './fleet-history.ts';
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
      const launched = { type: 'instance-change', subType: 'launched', description, instanceId: instance.id } as const;
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

  #full(pool: FleetPool): AwsError {
    const where = { type: pool.spec?.type.name ?? '', zone: pool.place, market: pool.market };
    return capacityError(pool.errorCode, where);
  }

  #recordFailure(fleet: Fleet, pool: FleetPool, error: AwsError): void {
    if (!fleet.failing) this.#options.events.add('no-capacity', { fleetId: fleet.id, detail: error.code });
    fleet.failing = true;
    const where = { instanceType: pool.spec?.type.name ?? pool.override.instanceType, availabilityZone: pool.place };
    const lifecycle = { ...where, lifecycle: pool.market, errorMessage: error.message };
    const failed = { type: 'service-error', subType: error.code, description: JSON.stringify(lifecycle) } as const;
    recordInHistory(fleet, failed, this.#options.nowMs());
  }
}
