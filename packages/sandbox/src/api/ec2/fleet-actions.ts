import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { FleetConfig } from '../../model/fleet/fleet.ts';
import { isFleetLive } from '../../model/fleet/fleet.ts';
import type { Fleet } from '../../model/fleet/fleet.ts';
import { authorize, proceed } from './action.ts';
import type { Action, Answer, Ec2Call } from './action.ts';
import { fleetConfigOf, modifiedConfig } from './fleet-parameters.ts';
import { errorView, launchView } from './fleet-view.ts';

export const fleetActions: Readonly<Record<string, Action>> = {
  CreateFleet: (call) => {
    const config = fleetConfigOf(call.parameters);
    checkTemplates(call, config);
    checkTimes(config, call.compute.clock.nowMs());
    return call.idempotency.once(call, () => {
      proceed(call);
      const fleet = call.compute.fleets.create(config);
      return () => ({
        fleetId: fleet.id,
        ...(config.type === 'instant'
          ? { errorSet: fleet.errors.map(errorView), fleetInstanceSet: fleet.launches.map(launchView) }
          : {}),
      });
    });
  },

  ModifyFleet: (call) => {
    const fleet = call.compute.fleets.get(call.parameters.required('FleetId'));
    authorize(call, fleet);
    call.compute.fleets.checkModifiable(fleet);
    const config = modifiedConfig(call.parameters, fleet.config);
    checkTemplates(call, config);
    proceed(call);
    call.compute.fleets.modify(fleet, config);
    return { return: true };
  },

  DeleteFleets: (call) => {
    const ids = call.parameters.texts('FleetId');
    if (ids.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter FleetId');
    const terminate = call.parameters.flag('TerminateInstances') ?? true;
    for (const id of ids) {
      const fleet = call.compute.fleets.list().find((candidate) => candidate.id === id);
      authorize(call, fleet ?? { id, tags: new Map([['runctl:managed', 'true']]) });
    }
    proceed(call);
    const outcomes = ids.map((id) => deleteFleet(call, id, terminate));
    return {
      successfulFleetDeletionSet: outcomes.flatMap(({ deleted }) => (deleted ? [deleted] : [])),
      unsuccessfulFleetDeletionSet: outcomes.flatMap(({ failed }) => (failed ? [failed] : [])),
    };
  },
};

/** The launch templates have to exist; what is wrong inside them shows in the fleet's history or errors. */
function checkTemplates(call: Ec2Call, config: FleetConfig): void {
  for (const { id, name, version } of config.templates) {
    const template = call.compute.templates.find({ id: id ?? undefined, name: name ?? undefined });
    call.compute.templates.version(template, version);
  }
}

function checkTimes(config: FleetConfig, nowMs: number): void {
  if (config.validUntilMs === null) return;
  if (config.validUntilMs <= nowMs) throw new AwsError('InvalidParameterValue', 'ValidUntil must be in the future.');
  if (config.validFromMs !== null && config.validUntilMs <= config.validFromMs)
    throw new AwsError('InvalidParameterValue', 'ValidUntil must be after ValidFrom.');
}

/** A failure of one fleet does not fail the call: it stands in the answer (user guide, manage-ec2-fleet). */
function deleteFleet(call: Ec2Call, id: string, terminate: boolean): { deleted?: Answer; failed?: Answer } {
  try {
    call.compute.settings.admit('DeleteFleet');
    const fleet = deletable(call, id, terminate);
    const previousFleetState = fleet.state;
    call.compute.fleets.delete(fleet, terminate);
    return { deleted: { fleetId: id, previousFleetState, currentFleetState: fleet.state } };
  } catch (error) {
    const { code, message } = asAwsError(error);
    const known: Readonly<Record<string, string>> = {
      'InvalidFleetId.NotFound': 'fleetIdDoesNotExist',
      'InvalidFleetId.Malformed': 'fleetIdMalformed',
    };
    return { failed: { fleetId: id, error: { code: known[code] ?? code, message } } };
  }
}

function deletable(call: Ec2Call, id: string, terminate: boolean): Fleet {
  const fleet = call.compute.fleets.get(id);
  if (!isFleetLive(fleet))
    throw new AwsError('fleetNotInDeletableState', `The fleet '${id}' is not in a deletable state.`);
  if (fleet.config.type === 'instant' && !terminate) {
    throw new AwsError(
      'NoTerminateInstancesNotSupported',
      'Fleets of type instant can only be deleted together with their instances.',
    );
  }
  return fleet;
}
