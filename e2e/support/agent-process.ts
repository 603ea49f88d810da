import { GetCommandInvocationCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/** The one running instance of a run. */
export async function instanceOf(world: World, run: string): Promise<string> {
  return eventually(`${run} has a running instance`, async () => {
    const Filters = [
      { Name: 'tag:runctl:run', Values: [run] },
      { Name: 'instance-state-name', Values: ['running'] },
    ];
    const { Reservations } = await world.ec2.send(new DescribeInstancesCommand({ Filters }));
    return Reservations?.[0]?.Instances?.[0]?.InstanceId ?? null;
  });
}

/** Runs a shell script as root on the instance, by Run Command, and returns what it printed. */
export async function onInstance(world: World, machineId: string, script: string): Promise<string> {
  // A machine that has just begun to run is unknown to SSM for a moment.
  const Command = await eventually(
    `SSM takes a command for ${machineId}`,
    async () => {
      try {
        return (
          (
            await world.ssm.send(
              new SendCommandCommand({
                InstanceIds: [machineId],
                DocumentName: 'AWS-RunShellScript',
                Parameters: { commands: [script] },
              }),
            )
          ).Command ?? null
        );
      } catch (error) {
        if ((error as Error).name === 'InvalidInstanceId') return null;
        throw error;
      }
    },
    15_000,
  );
  return eventually(`${machineId} ran ${script}`, async () => {
    try {
      const found = await world.ssm.send(
        new GetCommandInvocationCommand({ CommandId: Command.CommandId, InstanceId: machineId }),
      );
      return found.Status === 'InProgress' || found.Status === 'Pending' ? null : (found.StandardOutputContent ?? '');
    } catch (error) {
      if ((error as Error).name === 'InvocationDoesNotExist') return null; // not everywhere known yet
      throw error;
    }
  });
}

/** Pid of the agent that runs a run, as its own instance sees it (at level `process`: as everybody does). */
export async function agentProcess(world: World, run: string): Promise<number> {
  const endpoint = await onInstance(
    world,
    await instanceOf(world, run),
    'cat "$RUNCTL_INSTANCE_ROOT/run/runctl/agent.json"',
  );
  return (JSON.parse(endpoint) as { pid: number }).pid;
}
