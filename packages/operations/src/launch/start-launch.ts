import { RunctlError, isRunctlError, messageOf, newNonce } from '@runctl/core';
import { renderUserData } from '@runctl/provider';
import {
  FORMAT_VERSION,
  launchFleet,
  launchIntent,
  runKeys,
  timestampOf,
  type LaunchFleet,
  type LaunchIntent,
  type Pool,
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

/**
 * Stores the intent, makes template and fleet, stores the fleet. The intent comes first, so that a laptop that dies in
 * between leads to one fleet, which is found by its tags. Errors: `run-active` when this launch was already begun by
 * another; those of the provider, after which nothing of the launch is left that costs money (or the message says what is).
 */
export async function startLaunch(
  ports: LaunchPorts,
  request: { readonly spec: RunSpec; readonly launch: number; readonly place: LaunchPlace },
): Promise<LaunchFleet> {
  const { cloud, clock } = ports;
  const { spec, launch, place } = request;
  const keys = runKeys(spec.run).launch(launch);
  const userData = renderUserData({
    config: {
      version: FORMAT_VERSION,
      run: spec.run,
      launch,
      bucket: cloud.bucket,
      prefix: cloud.prefix,
      region: cloud.region,
    },
    tools: spec.tools,
    bootGuardMs: spec.timing.bootGuardMs,
  });
  const intent = makeIntent(ports, request);
  if (!(await createDocument(cloud.store, keys.intent, launchIntent, intent)))
    throw new RunctlError('run-active', `launch ${launch} of ${spec.run} was begun by somebody else just now`, {
      hint: `\`runctl status ${spec.run}\` shows it`,
    });
  const make = () =>
    cloud.fleets.launch({
      clientToken: intent.clientToken,
      run: spec.run,
      launch,
      runName: spec.name,
      project: spec.project.name,
      user: ports.user,
      templateName: intent.templateName,
      imageId: place.imageId,
      instanceProfile: place.instanceProfile,
      securityGroupIds: place.securityGroups,
      userData,
      rootVolumeGiB: place.rootVolumeGiB,
      pools: place.pools,
      market: intent.market,
      nodes: spec.nodes,
      validUntilMs: Date.parse(intent.validUntil),
    });
  try {
    const made = await make();
    const fleet: LaunchFleet = {
      version: FORMAT_VERSION,
      run: spec.run,
      launch,
      at: timestampOf(clock.wallMs()),
      ...made,
      region: cloud.region,
    };
    await createDocument(cloud.store, keys.fleet, launchFleet, fleet);
    return fleet;
  } catch (error) {
    throw await undoLaunch(ports, { run: spec.run, launch, templateName: intent.templateName, make, cause: error });
  }
}

function makeIntent(
  ports: LaunchPorts,
  request: { readonly spec: RunSpec; readonly launch: number; readonly place: LaunchPlace },
): LaunchIntent {
  const { spec, launch, place } = request;
  const nowMs = ports.clock.wallMs();
  return {
    version: FORMAT_VERSION,
    run: spec.run,
    launch,
    at: timestampOf(nowMs),
    // Derived, so that a second laptop that takes up the same launch asks for the same fleet.
    clientToken: `runctl-${spec.run}-${launch}`,
    templateName: `runctl-${spec.run}-${launch}`,
    market: place.pools[0]?.market ?? 'spot',
    pools: [...place.pools],
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

type MadeFleet = Pick<LaunchFleet, 'fleetId' | 'launchTemplateId'>;

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
