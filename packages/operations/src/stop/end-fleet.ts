import { RunctlError, type Clock } from '@runctl/core';
import type { Cloud } from '../cloud.ts';
import { isActive, isLiving } from '../run/liveness.ts';
import { fleetRef } from '../launch/fleet-ref.ts';
import type { LaunchRecord } from '../run/run-record.ts';

const POLL_MS = 500;

/**
 * Makes sure that nothing of an ended launch costs money any more: waits for the agent to delete its fleet and power off,
 * and does it itself when that does not happen in `patienceMs`. Errors: those of the provider; `cloud-error` when machines
 * still run afterwards.
 */
export async function endFleet(
  ports: { readonly cloud: Cloud; readonly clock: Clock },
  ending: {
    readonly run: string;
    readonly launch: LaunchRecord;
    readonly patienceMs: number;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly id: string | null; readonly endedHere: boolean }> {
  const { cloud, clock } = ports;
  const { run, launch, signal } = ending;
  const known = launch.machines === null ? null : fleetRef(launch.machines);
  const made = known ?? (await cloud.fleets.findFleet(run, launch.launch));
  if (made === null) return { id: null, endedHere: false };
  const isGone = async (): Promise<boolean> => {
    const [fleet, instances] = await Promise.all([cloud.fleets.fleet(made.fleetId), cloud.fleets.instances(run)]);
    return !isActive(fleet.state) && !instances.some((other) => other.launch === launch.launch && isLiving(other));
  };
  if (await within(clock, { limitMs: ending.patienceMs, signal, condition: isGone }))
    return { id: made.fleetId, endedHere: false };
  await cloud.fleets.deleteFleet(made.fleetId, { terminate: true, launchTemplateId: made.launchTemplateId });
  if (await within(clock, { limitMs: 120_000, signal, condition: isGone }))
    return { id: made.fleetId, endedHere: true };
  throw new RunctlError(
    'cloud-error',
    `fleet ${made.fleetId} of ${run} is deleted, but EC2 still shows machines of it`,
    {
      hint: `look again with \`runctl status ${run}\``,
    },
  );
}

async function within(
  clock: Clock,
  options: { limitMs: number; signal: AbortSignal; condition: () => Promise<boolean> },
): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + options.limitMs;
  for (;;) {
    if (await options.condition()) return true;
    if (clock.monotonicMs() >= deadlineMs) return false;
    await clock.sleep(POLL_MS, options.signal);
  }
}
