import { AwsError } from '../../model/aws-error.ts';
import { overlay } from '../../model/ec2/launch-data.ts';
import type { LaunchData } from '../../model/ec2/launch-data.ts';
import type { LaunchSpec } from '../../model/ec2/launch-spec.ts';
import { occupiesPool, stateReasons } from '../../model/ec2/instance.ts';
import type { Instance, InstanceState } from '../../model/ec2/instance.ts';
import { newResourceId } from '../../model/ec2/resource-ids.ts';
import { authorize, proceed } from './action.ts';
import type { Action, Answer, Ec2Call } from './action.ts';
import { reservationView, stateView } from './instance-view.ts';
import { launchDataOf } from './launch-parameters.ts';

export const instanceActions: Readonly<Record<string, Action>> = {
  RunInstances: (call) => {
    const count = countOf(call);
    const { data, template } = runData(call);
    return call.idempotency.once(call, () => {
      const spec = call.compute.launcher.place(data, template, count);
      proceed(call);
      const instances = launchAll(call, spec, count);
      return () => {
        if (instances.every((instance) => !occupiesPool(instance)))
          throw new AwsError('IdempotentInstanceTerminated', 'The instances of this client token are terminated.');
        return reservationView(call.compute, instances);
      };
    });
  },

  TerminateInstances: (call) => {
    const instances = named(call);
    for (const instance of instances) authorize(call, instance);
    proceed(call);
    return changes(instances, (instance) => call.compute.terminate(instance));
  },

  StopInstances: (call) => {
    const instances = named(call);
    for (const instance of instances) {
      if (instance.spec.market === 'spot') {
        throw new AwsError(
          'UnsupportedOperation',
          `You can't stop the Spot Instance '${instance.id}' because it is associated with a one-time Spot Instance request.`,
        );
      }
      if (!['pending', 'running', 'stopping', 'stopped'].includes(instance.state)) throw incorrectState(instance);
    }
    proceed(call);
    const hard = call.parameters.flag('Force') ?? false;
    return changes(instances, (instance) =>
      call.compute.instances.end(instance, { into: 'stopped', reason: stateReasons.user, hard }),
    );
  },

  StartInstances: (call) => {
    const instances = named(call);
    for (const instance of instances) {
      if (!['stopped', 'running', 'pending'].includes(instance.state)) throw incorrectState(instance);
    }
    proceed(call);
    return changes(instances, (instance) => {
      if (instance.state === 'stopped') call.compute.instances.start(instance);
    });
  },
};

function countOf(call: Ec2Call): number {
  const least = call.parameters.integer('MinCount') ?? 1;
  const most = call.parameters.integer('MaxCount') ?? least;
  if (least < 1 || most < least)
    throw new AwsError('InvalidParameterValue', `Value (${least}) for parameter minCount is invalid.`);
  return most;
}

/** The template's data, if one is named, with the call's own over it. */
function runData(call: Ec2Call): { data: LaunchData; template: LaunchSpec['template'] } {
  const own = launchDataOf(call.parameters);
  if (!call.parameters.has('LaunchTemplate')) return { data: own, template: null };
  const reference = call.parameters.structure('LaunchTemplate');
  const { templates } = call.compute;
  const template = templates.find({
    id: reference.text('LaunchTemplateId'),
    name: reference.text('LaunchTemplateName'),
  });
  const version = templates.version(template, reference.text('Version') ?? '$Default');
  return { data: overlay(version.data, own), template: { id: template.id, version: version.number } };
}

function launchAll(call: Ec2Call, spec: LaunchSpec, count: number): Instance[] {
  const reservationId = newResourceId('r');
  const clientToken = call.parameters.text('ClientToken') ?? '';
  return Array.from({ length: count }, (_, launchIndex) =>
    call.compute.launcher.launch(spec, { reservationId, launchIndex, clientToken, fleetId: null }),
  );
}

function named(call: Ec2Call): Instance[] {
  const ids = call.parameters.texts('InstanceId');
  if (ids.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
  return [...new Set(ids)].map((id) => call.compute.instances.get(id));
}

function incorrectState(instance: Instance): AwsError {
  return new AwsError(
    'IncorrectInstanceState',
    `The instance '${instance.id}' is not in a state from which it can be started or stopped (${instance.state}).`,
  );
}

function changes(instances: readonly Instance[], change: (instance: Instance) => void): Answer {
  return {
    instancesSet: instances.map((instance) => {
      const previous: InstanceState = instance.state;
      change(instance);
      return {
        instanceId: instance.id,
        currentState: stateView(instance.state),
        previousState: stateView(previous),
      };
    }),
  };
}
