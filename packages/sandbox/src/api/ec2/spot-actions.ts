import { AwsError } from '../../model/aws-error.ts';
import { instanceTypes, isOffered, spotPriceHistory, zones } from '../../model/ec2/catalog.ts';
import type { SpotRequest } from '../../model/ec2/spot-requests.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { isVisible, proceed, tagSet } from './action.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged, tagFilter } from './filters.ts';

const requestFilters: Readonly<Record<string, (request: SpotRequest) => ReadonlyArray<string | null>>> = {
  'instance-id': ({ instanceId }) => [instanceId],
  'launch.instance-type': ({ spec }) => [spec?.type.name ?? null],
  'launched-availability-zone': ({ spec }) => [spec?.zone.name ?? null],
  'spot-instance-request-id': ({ id }) => [id],
  state: ({ state }) => [state],
  'status-code': ({ code }) => [code],
  type: () => ['one-time'],
};

const productDescription = 'Linux/UNIX';
const historyDays = 90;

export const spotActions: Readonly<Record<string, Action>> = {
  DescribeSpotInstanceRequests: ({ parameters, compute }) => {
    checkFilters(parameters, Object.keys(requestFilters));
    const ids = parameters.texts('SpotInstanceRequestId');
    const chosen = ids.length > 0 ? ids.map((id) => compute.spotRequests.get(id)) : compute.spotRequests.list();
    const matching = filtered(
      parameters,
      chosen.filter(({ createdAtMs }) => isVisible(compute, createdAtMs)),
      (request) => (name) =>
        requestFilters[name]?.(request).filter((value) => value !== null) ?? tagFilter(name, request.tags),
    );
    const { items, nextToken } = paged(parameters, matching);
    return { spotInstanceRequestSet: items.map(requestView), nextToken };
  },

  CancelSpotInstanceRequests: (call) => {
    const requests = call.parameters.texts('SpotInstanceRequestId').map((id) => call.compute.spotRequests.get(id));
    if (requests.length === 0)
      throw new AwsError('MissingParameter', 'The request must contain the parameter SpotInstanceRequestId');
    proceed(call);
    for (const request of requests) call.compute.spotRequests.cancel(request);
    return { spotInstanceRequestSet: requests.map(({ id, state }) => ({ spotInstanceRequestId: id, state })) };
  },

  DescribeSpotPriceHistory: (call) => {
    const { parameters } = call;
    checkFilters(parameters, Object.keys(priceFilters));
    const matching = filtered(parameters, prices(call), (price) => (name) => priceFilters[name]?.(price) ?? null);
    const { items, nextToken } = paged(parameters, matching, { least: 1, most: 1000 });
    return {
      // The last page carries an empty token.
      nextToken: nextToken ?? '',
      spotPriceHistorySet: items.map((price) => ({ ...price, timestamp: new Date(price.atMs), atMs: undefined })),
    };
  },
};

type PriceRow = Readonly<Record<'instanceType' | 'availabilityZone' | 'spotPrice' | 'productDescription', string>> & {
  readonly atMs: number;
};

const priceFilters: Readonly<Record<string, (price: PriceRow) => readonly string[]>> = {
  'availability-zone': ({ availabilityZone }) => [availabilityZone],
  'instance-type': ({ instanceType }) => [instanceType],
  'product-description': (row) => [row.productDescription],
  'spot-price': ({ spotPrice }) => [spotPrice],
  timestamp: ({ atMs }) => [new Date(atMs).toISOString()],
};

/** Price changes of the window, newest first, of the pools that were asked for. */
function prices({ parameters, compute }: Ec2Call): PriceRow[] {
  const nowMs = compute.clock.nowMs();
  const untilMs = Math.min(parameters.time('EndTime') ?? nowMs, nowMs);
  const oldestMs = nowMs - historyDays * 86_400_000;
  const fromMs = Math.max(parameters.time('StartTime') ?? oldestMs, oldestMs);
  // A type that is named 20,000 times is still one pool a zone.
  const asked = [...new Set(parameters.texts('InstanceType'))];
  const zone = parameters.text('AvailabilityZone');
  const products = parameters.texts('ProductDescription');
  const offered = products.length === 0 || products.some((name) => name === productDescription);
  if (!offered || fromMs > untilMs) return [];
  const types =
    asked.length === 0 ? [...instanceTypes.values()] : asked.flatMap((name) => instanceTypes.get(name) ?? []);
  const pools = types.flatMap((type) =>
    zones
      .filter((candidate) => isOffered(type, candidate) && (zone ?? candidate.name) === candidate.name)
      .map((candidate) => ({ type, zone: candidate })),
  );
  return pools
    .flatMap((pool) =>
      spotPriceHistory(pool, fromMs, untilMs).map(({ sinceMs, usd }) => ({
        instanceType: pool.type.name,
        availabilityZone: pool.zone.name,
        spotPrice: usd.toFixed(6),
        productDescription,
        atMs: sinceMs,
      })),
    )
    .sort((a, b) => b.atMs - a.atMs);
}

function requestView(request: SpotRequest): XmlValue {
  const { spec } = request;
  return {
    spotInstanceRequestId: request.id,
    spotPrice: spec === null ? undefined : (spec.maxPrice ?? spec.type.onDemandUsd.toFixed(6)),
    type: 'one-time',
    state: request.state,
    status: { code: request.code, updateTime: new Date(request.updatedAtMs), message: request.message },
    launchSpecification: spec === null ? undefined : launchSpecificationView(spec),
    instanceId: request.instanceId,
    createTime: new Date(request.createdAtMs),
    productDescription,
    tagSet: tagSet(request.tags),
    launchedAvailabilityZone: spec?.zone.name,
    instanceInterruptionBehavior: 'terminate',
  };
}

function launchSpecificationView(spec: NonNullable<SpotRequest['spec']>): XmlValue {
  return {
    imageId: spec.image.id,
    instanceType: spec.type.name,
    placement: { availabilityZone: spec.zone.name },
    subnetId: spec.zone.subnetId,
    groupSet: spec.securityGroupIds.map((groupId) => ({ groupId })),
    monitoring: { enabled: false },
  };
}
