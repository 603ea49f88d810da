import { RunctlError, isRunctlError, messageOf, newNonce } from '@runctl/core';
import { renderUserData, type Pool } from '@runctl/provider';
import {
  FORMAT_VERSION,
  launchIntent,
  launchMachines,
  runKeys,
  timestampOf,
  type LaunchIntent,
  type LaunchMachines,
  type LaunchTools,
  type RunSpec,
} from '@runctl/protocol';
import { createDocument } from '../documents.ts';
import type { LaunchPorts } from './launch-ports.ts';

/** Where and how long one launch of a run may use machines. */
export interface LaunchPlace {
  readonly imageId: string;
  readonly pools: readonly Pool[];
  readonly instanceProfile: string;
  readonly securityGroups: readonly string[];
  readonly rootVolumeGiB: number | null;
  readonly maxRuntimeMs: number;
}

interface StartRequest {
  readonly spec: RunSpec;
  readonly launch: number;
  readonly tools: LaunchTools;
  readonly place: LaunchPlace;
}

/**
 * Stores the intent, makes template and fleet, stores the fleet. The intent comes first, so that a laptop that dies in
 * between leads to one fleet, which is found by its tags. Errors: `run-active` when this launch was already begun by
 * another; those of the provider, after which nothing of the launch is left that costs money (or the message says what is).
 */
export async function startLaunch(ports: LaunchPorts, request: StartRequest): Promise<LaunchMachines> {
  const { cloud, clock } = ports;
  const { spec, launch, place } = request;
  const templateName = templateNameOf(spec.run, launch);
  const keys = runKeys(spec.run).launch(launch);
  const userData = userDataOf(cloud, request);
  const intent = makeIntent(ports, request);
  if (!(await createDocument(cloud.store, { key: keys.intent, schema: launchIntent }, intent)))
    throw new RunctlError('run-active', `launch ${launch} of ${spec.run} was begun by somebody else just now`, {
      hint: `\`runctl status ${spec.run}\` shows it`,
    });
  const make = () =>
    cloud.fleets.launch({
      clientToken: intent.token,
      run: spec.run,
      launch,
      runName: spec.name,
      project: spec.project?.name ?? spec.run,
      user: ports.user,
      templateName,
      imageId: place.imageId,
      instanceProfile: place.instanceProfile,
      securityGroupIds: place.securityGroups,
      userData,
      rootVolumeGiB: place.rootVolumeGiB,
      pools: place.pools,
      market: marketOf(place),
      nodes: spec.nodes,
      validUntilMs: Date.parse(intent.validUntil),
    });
  try {
    const made = await make();
    const machines: LaunchMachines = {
      version: FORMAT_VERSION,
      run: spec.run,
      launch,
      at: timestampOf(clock.wallMs()),
      provider: 'aws',
      ref: { ...made, region: cloud.region },
    };
    await createDocument(cloud.store, { key: keys.machines, schema: launchMachines }, machines);
    return machines;
  } catch (error) {
    throw await undoLaunch(ports, { run: spec.run, launch, templateName, make, cause: error });
  }
}

/** What a machine runs at its first boot. */
function userDataOf(cloud: LaunchPorts['cloud'], { spec, launch, tools }: StartRequest): string {
  return renderUserData({
    config: {
      version: FORMAT_VERSION,
      run: spec.run,
      launch,
      bucket: cloud.bucket,
      prefix: cloud.prefix,
      region: cloud.region,
      host: 'ec2',
    },
    tools,
    bootGuardMs: spec.timing.bootGuardMs,
  });
}

function makeIntent(ports: LaunchPorts, request: StartRequest): LaunchIntent {
  const { spec, launch, tools, place } = request;
  const nowMs = ports.clock.wallMs();
  return {
    version: FORMAT_VERSION,
    run: spec.run,
    launch,
    at: timestampOf(nowMs),
    provider: 'aws',
    target: { templateName: templateNameOf(spec.run, launch), imageId: place.imageId },
    tools,
    arguments: null,
    // Derived, so that a second laptop that takes up the same launch asks for the same fleet.
    token: `runctl-${spec.run}-${launch}`,
    market: marketOf(place),
    offers: place.pools.map(({ machineType, location, market, pricePerHourUsd }) => ({
      machineType,
      location,
      market,
      pricePerHourUsd,
    })),
    validUntil: timestampOf(nowMs + place.maxRuntimeMs),
    by: ports.user,
    nonce: newNonce(),
  };
}

interface FailedLaunch {
  readonly run: string;
  readonly launch: number;
  readonly templateName: string;
  /** The same request once more. */
  readonly make: () => Promise<MadeFleet>;
  readonly cause: unknown;
}

type MadeFleet = Awaited<ReturnType<LaunchPorts['cloud']['fleets']['launch']>>;

const templateNameOf = (run: string, launch: number): string => `runctl-${run}-${launch}`;
const marketOf = (place: LaunchPlace) => place.pools[0]?.market ?? 'spot';

/** After these nobody knows whether EC2 did what it was asked. */
const UNCERTAIN: ReadonlySet<string> = new Set(['cloud-unreachable', 'cloud-error']);
const isUncertain = (error: unknown): boolean => !isRunctlError(error) || UNCERTAIN.has(error.code);

/**
 * What the failed launch made. Where an answer was lost, a new fleet may not be shown yet (EC2 is eventually consistent),
 * but the same request with its client token answers with it; what that makes only now is deleted as well.
 */
async function madeBy({ fleets }: LaunchPorts['cloud'], failed: FailedLaunch): Promise<MadeFleet | null> {
  const found = await fleets.findFleet(failed.run, failed.launch);
  if (found !== null || !isUncertain(failed.cause)) return found;
  try {
    return await failed.make();
  } catch (error) {
    if (isUncertain(error)) throw error;
    return null;
  }
}

/** Deletes what the failed launch may have made in EC2, and returns the error that tells of both. */
async function undoLaunch(ports: LaunchPorts, failed: FailedLaunch): Promise<RunctlError> {
  const { run, launch, templateName, cause } = failed;
  const { fleets, store } = ports.cloud;
  let left: string | null = null;
  try {
    const made = await madeBy(ports.cloud, failed);
    if (made === null) await fleets.deleteTemplate(templateName);
    else await fleets.deleteFleet(made.fleetId, { terminate: true, launchTemplateId: made.launchTemplateId });
    await store.delete([runKeys(run).launch(launch).intent]);
  } catch (error) {
    left = messageOf(error);
  }
  const said = isRunctlError(cause) ? cause : new RunctlError('cloud-error', messageOf(cause), { cause });
  const what =
    left === null
      ? 'nothing of the launch is left'
      : `cleaning up failed too (${left}): check with \`runctl status ${run}\` and end it with \`runctl stop ${run}\``;
  return new RunctlError(said.code, `${said.message}; ${what}`, {
    ...(said.hint === undefined ? {} : { hint: said.hint }),
    cause,
    details: { ...said.details, run, cleanedUp: left === null },
  });
}
