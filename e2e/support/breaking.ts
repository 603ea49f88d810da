import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import type { AttemptPhase, AttemptStatus, LaunchOutcome } from '@runctl/protocol';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/** One rule of the sandbox's S3: its form is the service's own. */
export interface S3Fault {
  readonly name?: string;
  readonly match: {
    keyPattern?: string;
    operations?: readonly string[];
    principalInstanceId?: string;
    partNumbers?: readonly number[];
  };
  readonly effect: { kind: string; [more: string]: unknown };
  readonly times?: number;
}

/** Replaces what S3 does wrong; nothing = it works. */
export async function breakS3(world: World, rules: readonly S3Fault[] = []): Promise<void> {
  await world.sandbox.send('s3-faults', { rules: rules.map((rule) => ({ ...rule })) });
}

/** How often each rule took effect, by its name. */
export async function faultsApplied(world: World): Promise<Record<string, number>> {
  const { counts } = await world.sandbox.send('s3-faults-seen', {});
  return Object.fromEntries(counts.map(({ name, applied }) => [name, applied]));
}

/** Cuts one machine off from S3 and EC2, or connects it again. */
export async function cutOff(world: World, machineId: string, partitioned = true): Promise<void> {
  if (partitioned) await world.moment();
  await world.sandbox.send('partition', { target: { instanceId: machineId }, partitioned });
}

/** A notice for one machine. */
export async function giveNotice(world: World, machineId: string, survives = false): Promise<void> {
  await world.moment();
  await world.sandbox.send('interrupt', { target: { instanceId: machineId }, survives });
}

/** Waits until the life `generation` is in `phase`. */
export function reachesPhase(
  world: World,
  run: string,
  at: { generation: number; phase: AttemptPhase },
): Promise<AttemptStatus> {
  return eventually(`generation ${at.generation} of ${run} is ${at.phase}`, async () => {
    const status = await world.bucket.status(run, at.generation);
    return status !== null && status.phase === at.phase && status;
  });
}

/** Ids of the run's machines that are on, oldest first. */
export async function livingInstances(world: World, run: string): Promise<string[]> {
  const Filters = [
    { Name: 'tag:runctl:run', Values: [run] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  const { Reservations = [] } = await world.ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap((reservation) => reservation.Instances ?? [])
    .sort((a, b) => (a.LaunchTime?.getTime() ?? 0) - (b.LaunchTime?.getTime() ?? 0))
    .map((instance) => instance.InstanceId ?? '');
}

/** Waits for the end of the run, which must be a success. */
export async function succeeds(world: World, run: string, atStep: number): Promise<LaunchOutcome> {
  const outcome = await eventually(`${run} has its outcome`, () => world.bucket.outcome(run), 120_000);
  expect(outcome).toMatchObject({ status: 'succeeded', step: atStep });
  return outcome;
}

export const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
