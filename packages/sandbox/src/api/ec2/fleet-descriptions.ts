import { AwsError } from '../../model/aws-error.ts';
import type { Fleet, FleetEventType } from '../../model/fleet/fleet.ts';
import { isAlive } from '../../model/ec2/instance.ts';
import { isVisible } from './action.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged } from './filters.ts';
import { fleetView } from './fleet-view.ts';

/** The API names no least size for fleets. */
const fleetPage = { least: 1, most: 1000 };

export const fleetDescriptions: Readonly<Record<string, Action>> = {
  DescribeFleets: (call) => {
    const { parameters, compute } = call;
    // d.ts DescribeFleetsRequest.Filters; there is no tag filter.
    checkFleetFilters(call);
    const ids = parameters.texts('FleetId');
    // An instant fleet is described only by its id.
    const chosen =
      ids.length > 0
        ? ids.map((id) => visible(call, id))
        : compute.fleets
            .list()
            .filter((fleet) => fleet.config.type !== 'instant' && isVisible(compute, fleet.createdAtMs));
    const matching = filtered(parameters, chosen, (fleet) => (name) => fleetFilter(fleet, name));
    const { items, nextToken } = paged(parameters, matching, fleetPage);
    return { fleetSet: items.map((fleet) => fleetView(compute, fleet)), nextToken };
  },

  DescribeFleetInstances: (call) => {
    const { parameters, compute } = call;
    checkFilters(parameters, ['instance-type']);
    const fleet = visible(call, parameters.required('FleetId'));
    if (fleet.config.type === 'instant') {
      throw new AwsError(
        'Unsupported',
        'DescribeFleetInstances is not supported for fleets of type instant. Use DescribeFleets.',
      );
    }
    const active = compute.fleets.instancesOf(fleet).filter(isAlive);
    const matching = filtered(
      parameters,
      active,
      (instance) => (name) => (name === 'instance-type' ? [instance.spec.type.name] : null),
    );
    const { items, nextToken } = paged(parameters, matching, fleetPage);
    return {
      fleetId: fleet.id,
      activeInstanceSet: items.map((instance) => ({
        instanceId: instance.id,
        instanceType: instance.spec.type.name,
        spotInstanceRequestId: instance.spotRequestId,
        instanceHealth: 'healthy',
      })),
      nextToken,
    };
  },

  DescribeFleetHistory: (call) => {
    const { parameters, compute } = call;
    const fleet = visible(call, parameters.required('FleetId'));
    const startMs = parameters.time('StartTime');
    if (startMs === undefined)
      throw new AwsError('MissingParameter', 'The request must contain the parameter StartTime');
    const asked = parameters.choice('EventType', ['instance-change', 'fleet-change', 'service-error']);
    const delayMs = compute.settings.delays.fleetHistoryDelayMs;
    const evaluatedMs = compute.clock.nowMs() - delayMs;
    const oldestMs = compute.clock.nowMs() - compute.settings.delays.fleetVisibleMs;
    const events = fleet.history.filter(
      ({ atMs, type }) =>
        atMs >= Math.max(startMs, oldestMs) &&
        atMs <= evaluatedMs &&
        (asked === undefined || historyTypes[asked].includes(type)),
    );
    const { items, nextToken } = paged(parameters, events, fleetPage);
    return {
      fleetId: fleet.id,
      startTime: new Date(startMs),
      // Only the last page has it (d.ts DescribeFleetHistoryResult.LastEvaluatedTime).
      lastEvaluatedTime: nextToken === undefined ? new Date(evaluatedMs) : undefined,
      historyRecordSet: items.map((event) => ({
        timestamp: new Date(event.atMs),
        eventType: event.type,
        eventInformation: {
          eventSubType: event.subType,
          eventDescription: event.description === '' ? undefined : event.description,
          instanceId: event.instanceId,
        },
      })),
      nextToken,
    };
  },
};

/** What a caller asks for in the model's words, and which entries those are. */
const historyTypes: Readonly<Record<'instance-change' | 'fleet-change' | 'service-error', readonly FleetEventType[]>> =
  {
    'instance-change': ['instanceChange'],
    'fleet-change': ['fleetRequestChange'],
    'service-error': ['error', 'information'],
  };

function visible(call: Ec2Call, id: string): Fleet {
  const fleet = call.compute.fleets.get(id);
  if (isVisible(call.compute, fleet.createdAtMs)) return fleet;
  throw new AwsError('InvalidFleetId.NotFound', `The fleet ID '${id}' does not exist`);
}

const fleetFilterNames = ['excess-capacity-termination-policy', 'fleet-state', 'replace-unhealthy-instances', 'type'];

function checkFleetFilters(call: Ec2Call): void {
  const unknown = call.parameters
    .structures('Filter')
    .map((filter) => filter.required('Name'))
    .find((name) => !fleetFilterNames.includes(name));
  if (unknown !== undefined) throw new AwsError('InvalidParameterValue', `The filter '${unknown}' is invalid`);
}

function fleetFilter(fleet: Fleet, name: string): readonly string[] | null {
  switch (name) {
    case 'excess-capacity-termination-policy':
      return [fleet.config.excessPolicy];
    case 'fleet-state':
      return [fleet.state];
    case 'replace-unhealthy-instances':
      return [String(fleet.config.replaceUnhealthy)];
    case 'type':
      return [fleet.config.type];
    default:
      return null;
  }
}
