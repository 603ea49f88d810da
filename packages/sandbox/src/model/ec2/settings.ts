import { AwsError } from '../aws-error.ts';
import { VcpuQuotas } from './vcpu-quota.ts';

export type InstanceMarket = 'spot' | 'on-demand';

/** Which pools a capacity rule speaks of; a part left out means every one. */
export interface PoolSelector {
  readonly type?: string;
  readonly zone?: string;
  readonly market?: InstanceMarket;
}

export interface CapacityRule extends PoolSelector {
  /** Instances that fit into each matching pool at once, those that run counted; null = without limit. */
  readonly capacity: number | null;
  /** Error code of a launch into the full pool. */
  readonly errorCode: string;
}

/** Every `everyNth` call of the action is refused; 1 refuses all. */
export interface ThrottleRule {
  readonly action: string;
  readonly everyNth: number;
}

/** EC2's delays and habits. All in real milliseconds: the defaults are already scaled. */
export interface Delays {
  /** From a launch to the start of the machine. */
  readonly bootDelayMs: number;
  /** From CreateFleet, or from the loss of a member, to the fleet's next launch. */
  readonly fleetLaunchDelayMs: number;
  /** Between a fleet's tries while no pool has capacity. */
  readonly fleetRetryMs: number;
  /** How long a fleet leaves a pool alone after errors that its history calls repeated. */
  readonly poolRestMs: number;
  /** How late an event is visible in a fleet's history. */
  readonly fleetHistoryDelayMs: number;
  /** From the power button to the hard end. */
  readonly shutdownGraceMs: number;
  /** How long a new resource is unknown to Describe calls. */
  readonly eventualConsistencyMs: number;
  /** How long a terminated instance stays visible. */
  readonly terminatedVisibleMs: number;
  /** How long a deleted fleet stays visible. */
  readonly fleetVisibleMs: number;
  /** From SendCommand until the invocation can be asked for. */
  readonly invocationVisibleMs: number;
  /** From SendCommand to its start on the instance. */
  readonly commandDelayMs: number;
  /** From running until SSM reports the instance Online. */
  readonly ssmOnlineMs: number;
  /** How long SSM goes on reporting a dead instance Online. */
  readonly ssmStaleMs: number;
  /** How long after its start an instance's role has no credentials yet. */
  readonly credentialsDelayMs: number;
  readonly credentialsLifetimeMs: number;
  /** How long EC2 does not know an instance profile that was just made or given a role. */
  readonly profileDelayMs: number;
  /** When set, every interruption with notice is preceded by a rebalance recommendation by this much. */
  readonly rebalanceLeadMs: number | null;
  /** How far the clocks of instances that are launched from now on are ahead (negative: behind). */
  readonly clockOffsetMs: number;
}

/** Delays of a region whose two minutes of notice last 120 s × `scale`. */
export function defaultDelays(scale: number): Delays {
  return {
    bootDelayMs: 0,
    fleetLaunchDelayMs: 0,
    fleetRetryMs: Math.max(100, 10_000 * scale),
    poolRestMs: Math.max(1000, 13 * 60_000 * scale),
    fleetHistoryDelayMs: 30_000 * scale,
    shutdownGraceMs: Math.max(100, 2000 * scale),
    eventualConsistencyMs: 0,
    terminatedVisibleMs: Math.max(60_000, 3_600_000 * scale),
    fleetVisibleMs: Math.max(600_000, 48 * 3_600_000 * scale),
    invocationVisibleMs: Math.max(20, 300 * scale),
    commandDelayMs: 0,
    ssmOnlineMs: 0,
    ssmStaleMs: 300_000 * scale,
    credentialsDelayMs: 0,
    credentialsLifetimeMs: 6 * 3_600_000,
    profileDelayMs: 10_000 * scale,
    rebalanceLeadMs: null,
    clockOffsetMs: 0,
  };
}

/** What is not known of EC2's fleets and can be had either way. */
interface FleetRests {
  /** Whether a pool without room rests like one with other errors; else it is tried again soon. */
  readonly fullPoolsRest: boolean;
  /** Whether a pool that rests does so for spot and on-demand alike. */
  readonly bothMarkets: boolean;
}

interface PlannedFailure {
  readonly code: string;
  readonly message: string;
  left: number;
}

/** How the region behaves and misbehaves. Everything can be changed while it runs; changes hold from the next call on. */
export class ComputeSettings {
  #delays: Delays;
  readonly #capacity: CapacityRule[] = [];
  readonly #throttles = new Map<string, { readonly everyNth: number; calls: number }>();
  readonly #failures = new Map<string, PlannedFailure[]>();
  readonly #roleActions = new Set<string>();
  /** vCPUs that the account may have. */
  readonly quotas = new VcpuQuotas();
  #fleetRests: FleetRests = { fullPoolsRest: false, bothMarkets: false };
  #fleetRole = true;
  #defaultVpc = true;
  readonly #listeners = new Set<() => void>();

  constructor(delays: Delays) {
    this.#delays = delays;
  }

  get delays(): Delays {
    return this.#delays;
  }

  setDelays(changes: Partial<Delays>): void {
    this.#delays = { ...this.#delays, ...changes };
    this.#changed();
  }

  /** The latest rule that matches a pool decides; a pool without a rule has no limit. */
  setCapacity(pool: PoolSelector, capacity: number | null, errorCode = 'InsufficientInstanceCapacity'): void {
    this.#capacity.push({ ...pool, capacity, errorCode });
    this.#changed();
  }

  clearCapacity(): void {
    this.#capacity.length = 0;
    this.#changed();
  }

  capacityOf(pool: Required<PoolSelector>): { readonly capacity: number | null; readonly errorCode: string } {
    const rule = this.#capacity.findLast(
      (candidate) =>
        (candidate.type ?? pool.type) === pool.type &&
        (candidate.zone ?? pool.zone) === pool.zone &&
        (candidate.market ?? pool.market) === pool.market,
    );
    return rule ?? { capacity: null, errorCode: 'InsufficientInstanceCapacity' };
  }

  get capacityRules(): readonly CapacityRule[] {
    return [...this.#capacity];
  }

  /** Refuses every `everyNth` call of `action` (`*`: of any action) with RequestLimitExceeded; null ends it. */
  setThrottle(action: string, everyNth: number | null): void {
    if (everyNth === null) this.#throttles.delete(action);
    else this.#throttles.set(action, { everyNth, calls: 0 });
  }

  /** The next `times` calls of `action` (`*`: of any action) fail with `code`. Plans are used up in order. */
  failNext(action: string, code: string, options: { times?: number; message?: string } = {}): void {
    const plans = this.#failures.get(action) ?? [];
    plans.push({ code, message: options.message ?? `Planned failure of ${action}`, left: options.times ?? 1 });
    this.#failures.set(action, plans);
  }

  setFleetRests(changes: Partial<FleetRests>): void {
    this.#fleetRests = { ...this.#fleetRests, ...changes };
  }

  get fleetRests(): FleetRests {
    return this.#fleetRests;
  }

  /** Whether the account has the service-linked role that fleets launch with. */
  setFleetRole(present: boolean): void {
    this.#fleetRole = present;
    this.#changed();
  }

  get hasFleetRole(): boolean {
    return this.#fleetRole;
  }

  /** No planned failure is left. */
  clearFailures(): void {
    this.#failures.clear();
  }

  /** Without a default VPC, the account's one VPC is an ordinary one, and launches must name a subnet. */
  setDefaultVpc(present: boolean): void {
    this.#defaultVpc = present;
    this.#changed();
  }

  get defaultVpc(): boolean {
    return this.#defaultVpc;
  }

  /** Throws what EC2 answers when a launch names no subnet and there is no default VPC. */
  checkNetwork(subnetId: string | undefined): void {
    if (subnetId === undefined && !this.#defaultVpc)
      throw new AwsError('VPCIdNotSpecified', 'No default VPC for this user. Specify a subnet.');
  }

  /** Actions such as `ec2:ModifyFleet` that the instance role may do beyond its ordinary policy. */
  grantRole(actions: readonly string[]): void {
    for (const action of actions) this.#roleActions.add(action);
  }

  get roleActions(): ReadonlySet<string> {
    return this.#roleActions;
  }

  /** Throws what a throttle or a planned failure has for this call. */
  admit(action: string): void {
    for (const name of [action, '*']) {
      const throttle = this.#throttles.get(name);
      if (throttle !== undefined && ++throttle.calls % throttle.everyNth === 0)
        throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.');
      this.#failPlanned(name);
    }
  }

  get throttles(): readonly ThrottleRule[] {
    return [...this.#throttles].map(([action, { everyNth }]) => ({ action, everyNth }));
  }

  /** Calls `listener` after every change of capacity or delays. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #failPlanned(action: string): void {
    const plans = this.#failures.get(action) ?? [];
    const plan = plans[0];
    if (plan === undefined) return;
    if (--plan.left <= 0) plans.shift();
    throw new AwsError(plan.code, plan.message);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
