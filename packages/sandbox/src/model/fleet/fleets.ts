import { AwsError } from '../aws-error.ts';
import type { EventLog } from '../ec2/event-log.ts';
import type { Fleet, FleetConfig, FleetPhase } from './fleet.ts';
import { isFleetLive } from './fleet.ts';
import { launchInstantFleet } from './fleet-instant.ts';
import { recordInHistory } from './fleet-history.ts';
import { FleetLaunches } from './fleet-launches.ts';
import { planMembers } from './fleet-members.ts';
import { planFleet } from './fleet-plan.ts';
import { fleetPools } from './fleet-pools.ts';
import type { FleetPool } from './fleet-pools.ts';
import { interruptedAtMs, isAlive, occupiesPool } from '../ec2/instance.ts';
import type { Instance } from '../ec2/instance.ts';
import type { Instances } from '../ec2/instances.ts';
import type { LaunchableResources } from '../ec2/launch-spec.ts';
import type { Launcher } from '../ec2/launcher.ts';
import type { LaunchTemplates } from '../ec2/launch-templates.ts';
import { newFleetId } from '../ec2/resource-ids.ts';
import type { Schedule } from '../ec2/schedule.ts';
import type { ComputeSettings } from '../ec2/settings.ts';
import type { SpotRequests } from '../ec2/spot-requests.ts';

export interface FleetsOptions {
  readonly nowMs: () => number;
  readonly scale: number;
  readonly schedule: Schedule;
  readonly settings: ComputeSettings;
  readonly events: EventLog;
  readonly templates: LaunchTemplates;
  readonly instances: Instances;
  readonly spotRequests: SpotRequests;
  readonly launcher: Launcher;
  readonly known: LaunchableResources;
  /** A fleet ends one of its members, as TerminateInstances does. */
  readonly terminate: (instance: Instance) => void;
}

/** Time for which a pool is avoided after EC2 took an instance from it, at scale 1. The sandbox's choice: EC2 tells nothing. */
const avoidedMs = 30 * 60_000;

/** The account's fleets, and the work that keeps them at their targets. */
export class Fleets {
  readonly #options: FleetsOptions;
  readonly #fleets = new Map<string, Fleet>();
  readonly #launches: FleetLaunches;
  readonly #woken = new Set<Fleet>();

  constructor(options: FleetsOptions) {
    this.#options = options;
    this.#launches = new FleetLaunches(options);
    options.instances.onChange((instance) => this.#instanceChanged(instance));
    options.settings.onChange(() => this.#wakeFailing());
  }

  list(): readonly Fleet[] {
    return [...this.#fleets.values()];
  }

  get(id: string): Fleet {
    const fleet = this.#fleets.get(id);
    if (fleet !== undefined) return fleet;
    if (!/^fleet-[0-9a-f-]{36}$/.test(id))
      throw new AwsError('InvalidFleetId.Malformed', `The fleet ID '${id}' is malformed`);
    throw new AwsError('InvalidFleetId.NotFound', `The fleet ID '${id}' does not exist`);
  }

  /** Members that count towards the target. */
  members(fleet: Fleet): readonly Instance[] {
    return this.#options.instances
      .list()
      .filter((instance) => instance.fleetId === fleet.id && isAlive(instance) && instance.countsForFleet);
  }

  /** Everything that the fleet launched and that still exists in some way. */
  instancesOf(fleet: Fleet): readonly Instance[] {
    return this.#options.instances.list().filter((instance) => instance.fleetId === fleet.id);
  }

  /** Launches an instant fleet before it returns; the others launch soon after. */
  create(config: FleetConfig): Fleet {
    const fleet: Fleet = {
      id: newFleetId(),
      createdAtMs: this.#options.nowMs(),
      history: [],
      tags: new Map(config.tags),
      config,
      state: config.type === 'instant' ? 'active' : 'submitted',
      failing: false,
      errors: [],
      launches: [],
      obtained: { spot: 0, onDemand: 0 },
      members: new Map(),
      retry: null,
      resting: new Map(),
      said: new Map(),
    };
    this.#fleets.set(fleet.id, fleet);
    this.#options.events.add('fleet-created', { fleetId: fleet.id, detail: config.type });
    if (config.type === 'instant') {
      launchInstantFleet(fleet, this.#pools(fleet), (pool) => this.#launches.launchIn(fleet, pool));
      return fleet;
    }
    this.#record(fleet, { type: 'fleetRequestChange', subType: 'submitted' });
    if (config.validUntilMs !== null) {
      const left = Math.max(0, config.validUntilMs - fleet.createdAtMs);
      this.#options.schedule.after(left, () => this.#expire(fleet, config));
    }
    this.#wake(fleet, this.#options.settings.delays.fleetLaunchDelayMs);
    return fleet;
  }

  /** Puts a changed configuration in place of the old one. Only live maintain fleets can be modified. */
  modify(fleet: Fleet, config: FleetConfig): void {
    this.checkModifiable(fleet);
    this.#record(fleet, { type: 'fleetRequestChange', subType: 'modify_in_progress' });
    fleet.config = config;
    fleet.state = 'modifying';
    this.#wake(fleet, this.#options.settings.delays.fleetLaunchDelayMs);
  }

  checkModifiable(fleet: Fleet): void {
    if (fleet.config.type !== 'maintain')
      throw new AwsError('UnsupportedOperation', `Fleets of type ${fleet.config.type} can not be modified`);
    if (!isFleetLive(fleet))
      throw new AwsError('FleetNotInModifiableState', `The fleet '${fleet.id}' is not in a modifiable state.`);
  }

  /** Ends the fleet. Its instances run on, or are terminated too. */
  delete(fleet: Fleet, terminateInstances: boolean): void {
    this.#options.events.add('fleet-deleted', { fleetId: fleet.id });
    this.#retire(fleet, terminateInstances);
  }

  /** Takes notice that an instance will be lost: the history says so and the replacement begins. */
  lost(instance: Instance): void {
    const fleet = instance.fleetId === null ? undefined : this.#fleets.get(instance.fleetId);
    if (fleet === undefined) return;
    this.#record(fleet, { type: 'instanceChange', subType: 'termination_notified', instanceId: instance.id });
    this.#wake(fleet, this.#options.settings.delays.fleetLaunchDelayMs);
  }

  #expire(fleet: Fleet, config: FleetConfig): void {
    if (!isFleetLive(fleet)) return;
    this.#record(fleet, { type: 'fleetRequestChange', subType: 'expired' });
    this.#options.events.add('fleet-expired', { fleetId: fleet.id });
    this.#retire(fleet, config.terminateOnExpiry);
  }

  #retire(fleet: Fleet, terminateInstances: boolean): void {
    this.#enter(fleet, terminateInstances ? 'deleted_terminating' : 'deleted_running');
    fleet.retry?.();
    for (const request of this.#options.spotRequests.openOf(fleet.id)) this.#options.spotRequests.cancel(request);
    if (terminateInstances) for (const instance of this.instancesOf(fleet)) this.#options.terminate(instance);
    this.#wake(fleet, 0);
  }

  #enter(fleet: Fleet, state: FleetPhase): void {
    fleet.state = state;
    this.#record(fleet, { type: 'fleetRequestChange', subType: state });
  }

  #instanceChanged(instance: Instance): void {
    const fleet = instance.fleetId === null ? undefined : this.#fleets.get(instance.fleetId);
    if (fleet !== undefined && fleet.config.type !== 'instant' && !occupiesPool(instance)) {
      this.#record(fleet, { type: 'instanceChange', subType: 'terminated', instanceId: instance.id });
    }
    if (fleet !== undefined && !isAlive(instance)) this.#wake(fleet, this.#options.settings.delays.fleetLaunchDelayMs);
    if (!occupiesPool(instance)) this.#wakeFailing();
  }

  #wakeFailing(): void {
    for (const fleet of this.#fleets.values()) if (fleet.failing) this.#wake(fleet, 0);
  }

  #wake(fleet: Fleet, afterMs: number): void {
    if (this.#woken.has(fleet)) return;
    this.#woken.add(fleet);
    this.#options.schedule.after(afterMs, () => {
      this.#woken.delete(fleet);
      this.#pass(fleet);
    });
  }

  /** One pass: brings the fleet as near to its target as the pools allow now. */
  #pass(fleet: Fleet): void {
    if (!isFleetLive(fleet)) return this.#finishDeletion(fleet);
    if (fleet.config.type === 'instant') return;
    const modified = fleet.state === 'modifying';
    if (modified) this.#record(fleet, { type: 'fleetRequestChange', subType: 'modify_succeeded' });
    if (fleet.state !== 'active') this.#enter(fleet, 'active');
    fleet.failing = false;
    if (this.#launches.mayLaunch(fleet)) this.#fill(fleet, modified);
    fleet.retry?.();
    fleet.retry = fleet.failing
      ? this.#options.schedule.after(this.#launches.retryMs(fleet, this.#pools(fleet)), () => this.#pass(fleet))
      : null;
  }

  /** Launches and ends what the plan says, in pools that do not rest. */
  #fill(fleet: Fleet, modified: boolean): void {
    const pools = this.#pools(fleet);
    const plan = planFleet({
      ...fleet.config,
      target: this.#target(fleet),
      terminateExcess: modified && fleet.config.excessPolicy === 'termination',
      members: fleet.config.type === 'request' ? [] : planMembers(fleet, this.members(fleet), pools),
      pools: pools.filter((pool) => !this.#launches.isResting(fleet, pool)),
    });
    for (const index of plan.launches) this.#launches.tryLaunch(fleet, pools[index]);
    for (const id of plan.terminations) this.#options.terminate(this.#options.instances.get(id));
    this.#launches.reportMissing(fleet, plan, pools);
    if (fleet.failing) this.#launches.reportRest(fleet, pools);
  }

  #target(fleet: Fleet): { spot: number; onDemand: number } {
    const { spot, onDemand } = fleet.config.capacity;
    if (fleet.config.type !== 'request') return { spot, onDemand };
    return { spot: spot - fleet.obtained.spot, onDemand: onDemand - fleet.obtained.onDemand };
  }

  #pools(fleet: Fleet): FleetPool[] {
    const { instances, known, nowMs, scale, settings, templates } = this.#options;
    const sinceMs = nowMs() - Math.max(1000, avoidedMs * scale);
    const interrupted = instances.list().filter((instance) => (interruptedAtMs(instance) ?? 0) > sinceMs);
    return fleetPools(fleet, {
      templates,
      settings,
      known,
      nowMs: nowMs(),
      freeIn: (pool) => instances.freeIn(pool),
      interruptedLately: ({ type, zone }) =>
        interrupted.some(({ spec }) => spec.type.name === type && spec.zone.name === zone),
    });
  }

  #finishDeletion(fleet: Fleet): void {
    if (fleet.state === 'deleted' || this.instancesOf(fleet).some(occupiesPool)) return;
    this.#enter(fleet, 'deleted');
    this.#options.schedule.after(
      this.#options.settings.delays.fleetVisibleMs,
      () => void this.#fleets.delete(fleet.id),
    );
  }

  #record(fleet: Fleet, entry: Parameters<typeof recordInHistory>[1]): void {
    recordInHistory(fleet, entry, this.#options.nowMs());
  }
}
