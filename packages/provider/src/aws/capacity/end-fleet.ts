import { TerminateInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { RunctlError, type Clock } from '@runctl/core';
import type { LaunchedCapacity } from '../../port/index.ts';
import { classifyAwsError } from '../api/classify.ts';
import { templateNameOf } from '../api/tags.ts';
import { deleteFleet, findFleet, fleetState, type FleetDeletion } from './fleets.ts';
import { readFleetRef } from './fleet-ref.ts';
import { deleteTemplate } from './launch-template.ts';
import { findMachines } from './machines.ts';

interface EndingPorts {
  readonly client: EC2Client;
  readonly clock: Clock;
  readonly region: string;
}

/** A new fleet may be unknown to other calls for seconds (EC2 developer guide, "Eventual consistency"). */
const LOOKS = 15;
const LOOK_AGAIN_MS = 2000;

/**
 * Ends the launch as the port says. The fleet first: a template that is gone would stop nothing, and a fleet without one may
 * go on. EC2 deletes a fleet once; machines that it left running then are ended one by one.
 */
export async function endLaunchedFleet(
  ports: EndingPorts,
  launched: LaunchedCapacity,
  terminate: boolean,
): Promise<void> {
  const { client, region } = ports;
  const { run, launch, ref } = launched;
  const fleet = ref === null ? await findFleet(client, run, launch) : readFleetRef(ref, region);
  const deletion = fleet === null ? 'unknown' : await deleteShownFleet(ports, fleet.fleetId, terminate);
  if (terminate && deletion !== 'deleted') {
    const word = fleet === null ? null : (await fleetState(client, fleet.fleetId)).providerWord;
    if (word !== 'deleted_terminating') await terminateMachines(client, launched);
  }
  const template =
    fleet === null
      ? { LaunchTemplateName: templateNameOf({ run, launch }) }
      : { LaunchTemplateId: fleet.launchTemplateId };
  await deleteTemplate(client, template);
}

/** A fleet that stays unknown never was, or vanished as deleted ones do after two days. */
async function deleteShownFleet(
  { client, clock }: EndingPorts,
  fleetId: string,
  terminate: boolean,
): Promise<FleetDeletion> {
  for (let looks = 1; ; looks++) {
    const deletion = await deleteFleet(client, fleetId, terminate);
    if (deletion !== 'unknown' || looks === LOOKS) return deletion;
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

async function terminateMachines(client: EC2Client, { run, launch }: LaunchedCapacity): Promise<void> {
  const stayed = (await findMachines(client, run)).filter(
    (machine) => machine.launch === launch && machine.state !== 'ending' && machine.state !== 'ended',
  );
  if (stayed.length === 0) return;
  const ids = stayed.map(({ machineId }) => machineId);
  try {
    await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
  } catch (error) {
    const classifiedError = classifyAwsError(error, `ending ${ids.join(', ')}`);
    if (classifiedError.code !== 'access-denied') throw classifiedError;
    throw new RunctlError(
      'access-denied',
      `${ids.join(', ')} of ${run} still run: their fleet was deleted without them, and these credentials may not end them`,
      {
        hint: `grant ec2:TerminateInstances (docs/aws-account.md), or let somebody run: aws ec2 terminate-instances --instance-ids ${ids.join(' ')}`,
        cause: error,
        details: classifiedError.details,
      },
    );
  }
}
