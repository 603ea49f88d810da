import { isLeaseHeld } from '@runctl/checkpoint';
import { RunctlError, type Clock } from '@runctl/core';
import type { LaunchMachines, Market, RunSpec } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { isActive } from '../run/liveness.ts';
import { findPools, type LaunchWish } from '../launch/launch-plan.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { fleetRef } from '../launch/fleet-ref.ts';
import { startLaunch } from '../launch/start-launch.ts';
import { uploadTools, type Tools } from '../launch/tools.ts';
import { createRunReader } from '../run/run-reader.ts';
import { lastLaunch, type LaunchRecord, type RunRecord } from '../run/run-record.ts';

export interface ResumeRunOptions {
  readonly run: string;
  /** The agent and runtime of this runctl: those of an earlier launch may be older. */
  readonly tools: Tools;
  /** Where to run; types that are empty mean those of the launch before. */
  readonly place: Pick<
    LaunchWish,
    'instanceTypes' | 'subnets' | 'securityGroups' | 'ami' | 'instanceProfile' | 'rootVolumeGiB' | 'maxRuntimeMs'
  > & { readonly market: Market | null };
}

/** A launch takes less than this from its intent to its fleet. */
const LAUNCHING_MS = 120_000;

export interface Resumed {
  readonly spec: RunSpec;
  readonly launch: number;
  readonly machines: LaunchMachines;
  readonly fromStep: number | null;
}

/**
 * Launches a run again, from its last durable checkpoint. Errors: `run-active` while the last launch may still work or
 * another laptop begins one, `not-resumable` when the run has succeeded, and those of `startLaunch`.
 */
export async function resumeRun(ports: LaunchPorts, options: ResumeRunOptions): Promise<Resumed> {
  const { cloud, clock } = ports;
  const record = await createRunReader({ store: cloud.store, run: options.run, clock }).read();
  const before = lastLaunch(record);
  await refuseActive({ cloud, clock }, record, before);
  const types = options.place.instanceTypes.length > 0 ? options.place.instanceTypes : typesOf(before);
  const market = options.place.market ?? (before?.intent?.market === 'on-demand' ? 'on-demand' : 'spot');
  const found = await findPools(cloud.fleets, { ...wishFor(options), instanceTypes: types, market });
  const launch = (before?.launch ?? 0) + 1;
  const { instanceProfile, securityGroups, rootVolumeGiB, maxRuntimeMs } = options.place;
  const { keys: tools } = await uploadTools(cloud.store, options.tools);
  const machines = await startLaunch(ports, {
    spec: record.spec,
    launch,
    tools,
    place: { ...found, instanceProfile, securityGroups, rootVolumeGiB, maxRuntimeMs },
  });
  return { spec: record.spec, launch, machines, fromStep: record.latest?.document.step ?? null };
}

async function refuseActive(
  ports: { readonly cloud: Cloud; readonly clock: Clock },
  record: RunRecord,
  before: LaunchRecord | null,
): Promise<void> {
  const { run } = record.spec;
  if (before === null) return;
  if (before.outcome?.status === 'succeeded')
    throw new RunctlError('not-resumable', `${run} is done: ${before.outcome.message}`, {
      hint: 'launch the script again for a new run',
    });
  if (before.outcome !== null) return;
  const active = new RunctlError('run-active', `${run} still goes on (launch ${before.launch})`, {
    hint: `watch it with \`runctl attach ${run}\`, or end it with \`runctl stop ${run}\``,
  });
  if (isLeaseHeld(record.lease)) throw active;
  const known = before.machines === null ? null : fleetRef(before.machines);
  const fleet = known ?? (await ports.cloud.fleets.findFleet(run, before.launch));
  if (fleet !== null && isActive((await ports.cloud.fleets.fleet(fleet.fleetId)).state)) throw active;
  if (fleet === null && isYoung(before, ports.clock)) throw active;
}

/** Another laptop may be between its intent and its fleet, and EC2 may not show a fleet yet that it has just made. */
function isYoung({ intent }: LaunchRecord, clock: Clock): boolean {
  return intent !== null && clock.wallMs() - Date.parse(intent.at) < LAUNCHING_MS;
}

function typesOf(before: LaunchRecord | null): readonly string[] {
  return [...new Set(before?.intent?.offers.map((offer) => offer.machineType))];
}

function wishFor(options: ResumeRunOptions): Pick<LaunchWish, 'subnets' | 'ami'> {
  return { subnets: options.place.subnets, ami: options.place.ami };
}
