import { AwsError, asAwsError } from '../aws-error.ts';
import { instanceTypes, spotPriceAt } from '../ec2/catalog.ts';
import type { Fleet, FleetConfig, FleetOverride, FleetTemplate } from './fleet.ts';
import type { CandidatePool } from './fleet-plan.ts';
import { overlay } from '../ec2/launch-data.ts';
import type { LaunchData } from '../ec2/launch-data.ts';
import { allowedZones, checkSpotOptions, launchSpec } from '../ec2/launch-spec.ts';
import type { LaunchableResources, LaunchSpec } from '../ec2/launch-spec.ts';
import type { LaunchTemplates } from '../ec2/launch-templates.ts';
import type { ComputeSettings, InstanceMarket } from '../ec2/settings.ts';

/** A candidate with all that a launch in it needs. `failure` is why it can't be used, `spec` null then. */
export interface FleetPool extends CandidatePool {
  readonly key: string;
  readonly template: FleetTemplate;
  readonly override: FleetOverride;
  readonly place: string;
  /** As the template names it, whether it exists or not. */
  readonly imageId: string;
  readonly spec: LaunchSpec | null;
  readonly failure: AwsError | null;
}

export interface PoolSources {
  readonly templates: LaunchTemplates;
  readonly known: LaunchableResources;
  readonly settings: ComputeSettings;
  readonly nowMs: number;
  readonly freeIn: (pool: { type: string; zone: string; market: InstanceMarket }) => number | null;
  readonly interruptedLately: (pool: { type: string; zone: string }) => boolean;
}

interface Place {
  readonly template: FleetTemplate;
  readonly override: FleetOverride;
  readonly data: LaunchData;
  readonly launchTemplate: LaunchSpec['template'];
  readonly failure: AwsError | null;
}

function placesOf(fleet: FleetConfig, templates: LaunchTemplates): Place[] {
  return fleet.templates.flatMap((template) => {
    let data: LaunchData = {};
    let launchTemplate: LaunchSpec['template'] = null;
    let failure: AwsError | null = null;
    try {
      const found = templates.find({ id: template.id ?? undefined, name: template.name ?? undefined });
      const version = templates.version(found, template.version);
      launchTemplate = { id: found.id, version: version.number };
      data = overlay(version.data, { tags: fleet.instanceTags });
    } catch (error) {
      failure = asAwsError(error);
    }
    return template.overrides.flatMap((override) =>
      (override.subnetId?.split(',') ?? [null]).map((subnetId) => ({
        template,
        override,
        launchTemplate,
        failure,
        data: overlayPlace(data, override, subnetId?.trim() ?? null),
      })),
    );
  });
}

function overlayPlace(data: LaunchData, override: FleetOverride, subnetId: string | null): LaunchData {
  const placed: { -readonly [Field in keyof LaunchData]: LaunchData[Field] } = overlay(data, {
    ...(override.instanceType === null ? {} : { instanceType: override.instanceType }),
    ...(override.maxPrice === null ? {} : { maxPrice: override.maxPrice }),
    ...(override.imageId === null ? {} : { imageId: override.imageId }),
  });
  if (subnetId === null && override.zoneName === null) return placed;
  // A zone or subnet of the override replaces both of the template.
  delete placed.subnetId;
  delete placed.zoneName;
  if (subnetId !== null) placed.subnetId = subnetId;
  if (override.zoneName !== null) placed.zoneName = override.zoneName;
  return placed;
}

/** The fleet's word for what a pool itself forbids; other errors keep their code (facts: `InvalidFleetConfiguration`). */
function fleetError(error: AwsError): AwsError {
  if (error.code !== 'Unsupported' && !/InstanceType/.test(error.message)) return error;
  return new AwsError('InvalidFleetConfiguration', error.message);
}

function marketsOf(config: FleetConfig): readonly InstanceMarket[] {
  const markets: InstanceMarket[] = [];
  if (config.capacity.onDemand > 0) markets.push('on-demand');
  if (config.capacity.spot > 0) markets.push('spot');
  return markets;
}

/** Every pool that a fleet may use, with what it has now. */
export function fleetPools(fleet: Pick<Fleet, 'config'>, sources: PoolSources): FleetPool[] {
  const pools: FleetPool[] = [];
  for (const place of placesOf(fleet.config, sources.templates)) {
    for (const market of marketsOf(fleet.config)) {
      for (const zoneName of zonesOf(place))
        pools.push(candidate(place, { market, zoneName, index: pools.length }, sources));
    }
  }
  return pools;
}

function zonesOf(place: Place): ReadonlyArray<string | null> {
  try {
    return allowedZones(place.data).map((zone) => zone.name);
  } catch {
    return [null];
  }
}

function candidate(
  place: Place,
  where: { readonly market: InstanceMarket; readonly zoneName: string | null; readonly index: number },
  sources: PoolSources,
): FleetPool {
  const { market, zoneName, index } = where;
  const typeName = place.data.instanceType ?? '';
  const type = instanceTypes.get(typeName);
  const shared = {
    index,
    market,
    template: place.template,
    override: place.override,
    weight: place.override.weightedCapacity ?? 1,
    priority: place.override.priority ?? Number.MAX_VALUE,
    place: zoneName ?? place.data.subnetId ?? place.data.zoneName ?? '',
    imageId: place.data.imageId ?? '',
    key: `${market} ${typeName} ${zoneName ?? ''}`,
  };
  try {
    if (place.failure !== null) throw place.failure;
    sources.settings.checkNetwork(place.data.subnetId);
    const zone = allowedZones({ ...place.data, ...(zoneName === null ? {} : { zoneName }) })[0];
    if (type === undefined || zone === undefined)
      throw new AwsError('InvalidFleetConfiguration', `Your requested instance type (${typeName}) is not supported.`);
    const data = { ...place.data, market };
    if (market === 'spot') checkSpotOptions(data);
    const spec = launchSpec(data, { type, zone, market, template: place.launchTemplate }, sources.known);
    const pool = { type: type.name, zone: zone.name, market };
    return {
      ...shared,
      spec,
      failure: null,
      pricePerHourUsd: market === 'spot' ? spotPriceAt(type, zone, sources.nowMs).usd : type.onDemandUsd,
      free: sources.freeIn(pool),
      errorCode: sources.settings.capacityOf(pool).errorCode,
      interruptedLately: market === 'spot' && sources.interruptedLately(pool),
    };
  } catch (error) {
    const failure = fleetError(asAwsError(error));
    return {
      ...shared,
      spec: null,
      failure,
      pricePerHourUsd: Number.MAX_VALUE,
      free: 0,
      errorCode: failure.code,
      interruptedLately: false,
    };
  }
}
