import { AwsError } from '../../model/aws-error.ts';
import { vpc } from '../../model/ec2/catalog.ts';
import { isAlive, stateCodes } from '../../model/ec2/instance.ts';
import type { Instance } from '../../model/ec2/instance.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { isVisible } from './action.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged, tagFilter } from './filters.ts';
import { reservationView, stateView } from './instance-view.ts';

/** Values of DescribeInstances' filters, as far as they are served. */
const filters: Readonly<Record<string, (instance: Instance) => ReadonlyArray<string | null>>> = {
  architecture: ({ spec }) => [spec.type.architecture],
  'availability-zone': ({ spec }) => [spec.zone.name],
  'client-token': ({ clientToken }) => [clientToken],
  'image-id': ({ spec }) => [spec.image.id],
  'instance-id': ({ id }) => [id],
  'instance-lifecycle': ({ spec }) => [spec.market === 'spot' ? 'spot' : null],
  'instance-state-code': ({ state }) => [String(stateCodes[state])],
  'instance-state-name': ({ state }) => [state],
  'instance-type': ({ spec }) => [spec.type.name],
  'private-ip-address': ({ privateAddress }) => [privateAddress],
  'reservation-id': ({ reservationId }) => [reservationId],
  'spot-instance-request-id': ({ spotRequestId }) => [spotRequestId],
  'state-reason-code': ({ stateReason }) => [stateReason?.code ?? null],
  'subnet-id': ({ spec }) => [spec.zone.subnetId],
  'vpc-id': () => [vpc.id],
};
const filterNames = Object.keys(filters);

export const instanceDescriptions: Readonly<Record<string, Action>> = {
  DescribeInstances: (call) => {
    checkPaging(call);
    const { items, nextToken } = paged(call.parameters, select(call));
    const reservations = Map.groupBy(items, ({ reservationId }) => reservationId);
    return {
      reservationSet: [...reservations.values()].map((instances) => reservationView(call.compute, instances)),
      nextToken,
    };
  },

  DescribeInstanceStatus: (call) => {
    checkPaging(call);
    const all = call.parameters.flag('IncludeAllInstances') ?? false;
    const chosen = select(call).filter((instance) => all || instance.state === 'running');
    const { items, nextToken } = paged(call.parameters, chosen);
    return { instanceStatusSet: items.map(statusView), nextToken };
  },

  GetConsoleOutput: async ({ parameters, compute }) => {
    const instance = compute.instances.get(parameters.required('InstanceId'));
    const output = await instance.consoleOutput();
    // EC2 keeps the newest 64 KB.
    const shown = output.subarray(Math.max(0, output.length - 65_536)).toString('base64');
    return { instanceId: instance.id, timestamp: new Date(compute.clock.nowMs()), output: shown };
  },
};

function checkPaging(call: Ec2Call): void {
  if (call.parameters.has('MaxResults') && call.parameters.texts('InstanceId').length > 0) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
}

function select({ parameters, compute }: Ec2Call): Instance[] {
  checkFilters(parameters, filterNames);
  const ids = parameters.texts('InstanceId');
  const chosen = ids.length === 0 ? compute.instances.list() : ids.map((id) => visible(compute, id));
  return filtered(
    parameters,
    chosen.filter(({ createdAtMs }) => isVisible(compute, createdAtMs)),
    (instance) => (name) => {
      const values = filters[name]?.(instance) ?? tagFilter(name, instance.tags);
      return values === null ? null : values.filter((value) => value !== null);
    },
  );
}

function visible(compute: Compute, id: string): Instance {
  const instance = compute.instances.get(id);
  if (isVisible(compute, instance.createdAtMs)) return instance;
  throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
}

/** The two status checks: they pass as soon as the machine runs. */
function statusView(instance: Instance): XmlValue {
  const status = isAlive(instance) ? (instance.state === 'running' ? 'ok' : 'initializing') : 'not-applicable';
  const passed = status === 'ok' ? 'passed' : 'initializing';
  const check = {
    status,
    details: status === 'not-applicable' ? [] : [{ name: 'reachability', status: passed }],
  };
  return {
    instanceId: instance.id,
    availabilityZone: instance.spec.zone.name,
    instanceState: stateView(instance.state),
    systemStatus: check,
    instanceStatus: check,
  };
}
