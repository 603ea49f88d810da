import { AwsError } from '../aws-error.ts';
import { isOffered, spotPriceAt } from './catalog.ts';
import type { InstanceType, Zone } from './catalog.ts';
import { occupiesPool } from './instance.ts';
import type { Instance } from './instance.ts';
import type { Instances, LaunchOrigin } from './instances.ts';
import { allowedZones, checkLaunchData, instanceTypeNamed, launchSpec } from './launch-spec.ts';
import type { LaunchableResources, LaunchSpec } from './launch-spec.ts';
import type { LaunchData } from './launch-data.ts';
import type { ComputeSettings, InstanceMarket } from './settings.ts';
import type { SpotRequests } from './spot-requests.ts';
import { quotaFamilyOf } from './vcpu-quota.ts';

/** The error of a full pool, in EC2's words where there are some. */
export function capacityError(code: string, where: { type: string; zone: string; market: InstanceMarket }): AwsError {
  if (code === 'InsufficientInstanceCapacity' && where.market === 'on-demand') {
    return new AwsError(
      code,
      `We currently do not have sufficient ${where.type} capacity in the Availability Zone you requested (${where.zone}). Our system will be working on provisioning additional capacity.`,
    );
  }
  if (code === 'InsufficientInstanceCapacity' || code === 'UnfulfillableCapacity')
    return new AwsError(code, 'There is no Spot capacity available that matches your request.');
  return new AwsError(code, `The request for ${where.type} in ${where.zone} (${where.market}) can't be fulfilled.`);
}

export interface LauncherOptions {
  readonly nowMs: () => number;
  readonly settings: ComputeSettings;
  readonly known: LaunchableResources;
  readonly instances: Instances;
  readonly spotRequests: SpotRequests;
}

/** Instances that may live at one time: each is processes of the host. Our choice, beside EC2's quotas of vCPUs. */
const MAX_INSTANCES = 1000;

/** Launches into pools: for RunInstances and for fleets. */
export class Launcher {
  readonly #options: LauncherOptions;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  get known(): LaunchableResources {
    return this.#options.known;
  }

  /** One instance in the pool that `spec` names. Throws the pool's error when it is full. */
  launch(spec: LaunchSpec, origin: LaunchOrigin): Instance {
    const where = { type: spec.type.name, zone: spec.zone.name, market: spec.market };
    this.#checkLimit(spec, 1);
    this.#checkRoom(where, 1);
    if (spec.market === 'spot' && spec.maxPrice !== null) {
      const price = spotPriceAt(spec.type, spec.zone, this.#options.nowMs()).usd;
      if (Number(spec.maxPrice) < price) {
        throw new AwsError(
          'SpotMaxPriceTooLow',
          `Your Spot request price of ${spec.maxPrice} is lower than the minimum required Spot request fulfillment price of ${price}.`,
        );
      }
    }
    const instance = this.#options.instances.create(spec, origin);
    if (origin.fleetId !== null) instance.tags.set('aws:ec2:fleet-id', origin.fleetId);
    if (spec.template !== null) {
      instance.tags.set('aws:ec2launchtemplate:id', spec.template.id);
      instance.tags.set('aws:ec2launchtemplate:version', String(spec.template.version));
    }
    if (spec.market === 'spot') instance.spotRequestId = this.#options.spotRequests.fulfil(instance).id;
    return instance;
  }

  /**
   * Decides where RunInstances with `data` would launch `count` instances: in the zone that was asked for, else in the
   * cheapest one that has room. Throws what RunInstances answers.
   */
  place(data: LaunchData, template: LaunchSpec['template'], count: number): LaunchSpec {
    const { known } = this.#options;
    checkLaunchData(data, known);
    this.#options.settings.checkNetwork(data.subnetId);
    const type = instanceTypeNamed(data.instanceType);
    const market = data.market ?? 'on-demand';
    this.#checkLimit({ type, market }, count);
    const zones = allowedZones(data);
    const offered = zones.filter((zone) => isOffered(type, zone));
    const first = offered[0] ?? zones[0];
    if (first === undefined) throw new AwsError('InvalidZone.NotFound', 'There is no such zone');
    const zone = offered
      .sort((a, b) => this.#price(type, a) - this.#price(type, b))
      .find((candidate) => {
        const free = this.#options.instances.freeIn({ type: type.name, zone: candidate.name, market });
        return free === null || free >= count;
      });
    if (zone === undefined && offered.length > 0) this.#checkRoom({ type: type.name, zone: first.name, market }, count);
    return launchSpec(data, { type, zone: zone ?? first, market, template }, known);
  }

  #price(type: InstanceType, zone: Zone): number {
    return spotPriceAt(type, zone, this.#options.nowMs()).usd;
  }

  /** The sandbox's own limit, and the account's quota of vCPUs for the family and market. */
  #checkLimit({ type, market }: Pick<LaunchSpec, 'type' | 'market'>, count: number): void {
    const { settings } = this.#options;
    const occupying = this.#options.instances.list().filter(occupiesPool);
    const family = quotaFamilyOf(type.name);
    const quota = settings.quotas.of({ market, family });
    const used = occupying
      .filter(({ spec }) => spec.market === market && quotaFamilyOf(spec.type.name) === family)
      .reduce((sum, { spec }) => sum + spec.type.vcpus, 0);
    const isOverQuota = quota !== null && used + count * type.vcpus > quota;
    if (!isOverQuota && occupying.length + count <= MAX_INSTANCES) return;
    if (market === 'spot') throw new AwsError('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded');
    if (isOverQuota)
      throw new AwsError(
        'VcpuLimitExceeded',
        `You have requested more vCPU capacity than your current vCPU limit of ${quota} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
      );
    throw new AwsError(
      'InstanceLimitExceeded',
      `You have requested more instances than your current instance limit of ${MAX_INSTANCES} allows.`,
    );
  }

  #checkRoom(where: { type: string; zone: string; market: InstanceMarket }, count: number): void {
    const free = this.#options.instances.freeIn(where);
    if (free === null || free >= count) return;
    throw capacityError(this.#options.settings.capacityOf(where).errorCode, where);
  }
}
