import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SSMClient,
  SendCommandCommand,
  waitUntilCommandExecuted,
} from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { images } from '../../model/ec2/catalog.ts';
import { execResult } from '../../model/testing/scripted-driver.ts';
import { launchData } from '../../model/testing/model-region.ts';
import type { LaunchData } from '../../model/ec2/launch-data.ts';
import { eventually, regionServer } from '../testing/region-server.ts';
import type { RegionServer } from '../testing/region-server.ts';
import { ssmActionNames } from './service.ts';

let region: RegionServer;
let ssm: SSMClient;

beforeAll(async () => {
  region = await regionServer();
  const credentials = region.compute.credentials.userKey;
  ssm = new SSMClient({ endpoint: region.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
});

const echo = () => Promise.resolve(execResult('hello\n'));

afterEach(() => {
  region.driver.script.exec = echo;
});

afterAll(async () => {
  ssm.destroy();
  await region[Symbol.asyncDispose]();
});

async function runningInstance(data: LaunchData = launchData): Promise<string> {
  const { launcher } = region.compute;
  const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
  const instance = launcher.launch(launcher.place(data, null, 1), origin);
  await eventually(() => Promise.resolve(instance.state === 'running' ? true : undefined), 'running');
  return instance.id;
}

async function send(instanceId: string, commands: string[], more: Record<string, string[]> = {}): Promise<string> {
  const answer = await ssm.send(
    new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [instanceId],
      Parameters: { commands, ...more },
    }),
  );
  return answer.Command!.CommandId!;
}

const invocation = (CommandId: string, InstanceId: string) =>
  ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }));

async function finished(commandId: string, instanceId: string) {
  return await eventually(async () => {
    const found = await invocation(commandId, instanceId).catch(() => undefined);
    return found?.Status === 'InProgress' || found?.Status === 'Pending' ? undefined : found;
  }, 'the command ends');
}

const error = (name: string) => expect.objectContaining({ name }) as Error;

describe('a command', () => {
  test('runs in the machine as one script, and its output is shown when it has ended', async () => {
    const id = await runningInstance();
    let end: () => void = () => {};
    region.driver.script.exec = async () => {
      await new Promise<void>((resolve) => (end = resolve));
      return execResult('out\n', 0, 'err\n');
    };
    const commandId = await send(id, ['echo out', 'echo err >&2'], { workingDirectory: ['/tmp'] });
    const running = await eventually(
      async () => await invocation(commandId, id).catch(() => undefined),
      'the invocation is known',
    );
    expect(running).toMatchObject({ Status: 'InProgress', ResponseCode: -1, StandardOutputContent: '' });
    end();
    await waitUntilCommandExecuted(
      { client: ssm, maxWaitTime: 5, minDelay: 0.02, maxDelay: 0.05 },
      { CommandId: commandId, InstanceId: id },
    );
    expect(await invocation(commandId, id)).toMatchObject({
      Status: 'Success',
      StatusDetails: 'Success',
      ResponseCode: 0,
      StandardOutputContent: 'out\n',
      StandardErrorContent: 'err\n',
    });
    expect(region.driver.of(id).calls).toEqual([
      'exec /bin/sh -c cd -- "$1" || exit 1\necho out\necho err >&2 sh /tmp',
    ]);
  });

  test('does not exist for a moment after it was sent, but is never an error in the list', async () => {
    const id = await runningInstance();
    const { invocationVisibleMs } = region.compute.settings.delays;
    region.compute.settings.setDelays({ invocationVisibleMs: 60_000 });
    const commandId = await send(id, ['true']);
    await expect(invocation(commandId, id)).rejects.toEqual(error('InvocationDoesNotExist'));
    const list = await ssm.send(new ListCommandInvocationsCommand({ CommandId: commandId }));
    expect(list.CommandInvocations).toEqual([]);
    region.compute.settings.setDelays({ invocationVisibleMs });
    expect((await finished(commandId, id)).Status).toBe('Success');
  });

  test('that fails shows its code; long output is cut', async () => {
    const id = await runningInstance();
    region.driver.script.exec = () => Promise.resolve(execResult('o'.repeat(30_000), 3, 'e'.repeat(9000)));
    const done = await finished(await send(id, ['exit 3']), id);
    expect(done).toMatchObject({ Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 3 });
    expect([done.StandardOutputContent?.length, done.StandardErrorContent?.length]).toEqual([24_000, 8000]);
  });

  test('that runs too long is ended by its execution timeout', async () => {
    const id = await runningInstance();
    const timeouts: number[] = [];
    region.driver.script.exec = (_command, timeoutMs) => {
      timeouts.push(timeoutMs);
      return Promise.resolve({ ...execResult('', null), timedOut: true });
    };
    const done = await finished(await send(id, ['sleep 9'], { executionTimeout: ['1'] }), id);
    expect(done).toMatchObject({ Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut', ResponseCode: 137 });
    expect(timeouts).toEqual([1000]);
  });

  test.each(['a signal', 'its own end as its time was up'])('that ended by %s did not time out', async (how) => {
    const id = await runningInstance();
    const result = how === 'a signal' ? execResult('', null) : { ...execResult('', 3), timedOut: true };
    region.driver.script.exec = () => Promise.resolve(result);
    const done = await finished(await send(id, ['sleep 9'], { executionTimeout: ['1'] }), id);
    expect(done).toMatchObject({ Status: 'Failed', StatusDetails: 'Failed', ResponseCode: result.exitCode ?? 137 });
  });

  test('on an instance that dies is undeliverable', async () => {
    const id = await runningInstance();
    region.driver.script.exec = () => Promise.reject(new Error('the machine is gone'));
    expect(await finished(await send(id, ['true']), id)).toMatchObject({
      Status: 'Failed',
      StatusDetails: 'Undeliverable',
    });
  });

  test('waits for the network of a partitioned instance', async () => {
    const id = await runningInstance();
    region.driver.of(id).setPartitioned(true);
    const commandId = await send(id, ['echo hello']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const waiting = await ssm.send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: id }));
    expect(waiting).toMatchObject({ Status: 'Pending', StandardOutputContent: '' });
    region.driver.of(id).setPartitioned(false);
    expect(await finished(commandId, id)).toMatchObject({ Status: 'Success' });
  });

  test('can be cancelled, listed by itself, by instance, and with its details', async () => {
    const id = await runningInstance();
    let end: () => void = () => {};
    region.driver.script.exec = async () => {
      await new Promise<void>((resolve) => (end = resolve));
      return execResult('late');
    };
    const commandId = await send(id, ['sleep 60']);
    await eventually(() => Promise.resolve(region.driver.of(id).calls[0]), 'it runs');
    await ssm.send(new CancelCommandCommand({ CommandId: commandId }));
    expect((await finished(commandId, id)).Status).toBe('Cancelled');
    end();
    region.driver.script.exec = echo;
    const second = await send(id, ['echo hello']);
    await finished(second, id);
    const commands = await ssm.send(new ListCommandsCommand({ InstanceId: id }));
    expect(commands.Commands?.map(({ CommandId, Status }) => [CommandId, Status])).toEqual([
      [second, 'Success'],
      [commandId, 'Cancelled'],
    ]);
    const listed = await ssm.send(new ListCommandInvocationsCommand({ CommandId: second, Details: true }));
    expect(listed.CommandInvocations).toMatchObject([
      { InstanceId: id, Status: 'Success', CommandPlugins: [{ ResponseCode: 0, Output: 'hello\n' }] },
    ]);
  });

  test('needs a known document, commands, and an instance whose agent is there', async () => {
    const { profileName: _profile, ...withoutRole } = launchData;
    const deaf = await runningInstance(withoutRole);
    await expect(send(deaf, ['true'])).rejects.toEqual(error('InvalidInstanceId'));
    await expect(send('i-00000000000000000', ['true'])).rejects.toEqual(error('InvalidInstanceId'));
    const id = await runningInstance();
    await expect(send(id, [])).rejects.toEqual(error('InvalidParameters'));
    const powerShell = new SendCommandCommand({ DocumentName: 'AWS-RunPowerShellScript', InstanceIds: [id] });
    await expect(ssm.send(powerShell)).rejects.toEqual(error('InvalidDocument'));
    await expect(ssm.send(new CancelCommandCommand({ CommandId: 'none' }))).rejects.toEqual(error('InvalidCommandId'));
  });
});

describe('the agent of an instance', () => {
  const pingOf = async (id: string) => {
    const Filters = [{ Key: 'InstanceIds', Values: [id] }];
    const answer = await ssm.send(new DescribeInstanceInformationCommand({ Filters }));
    return answer.InstanceInformationList?.[0]?.PingStatus;
  };

  test('is online while the instance runs, and for a while after it died', async () => {
    region.compute.settings.setDelays({ ssmStaleMs: 60_000 });
    const id = await runningInstance();
    expect(await pingOf(id)).toBe('Online');
    await region.driver.of(id).kill();
    expect(await pingOf(id)).toBe('Online');
    region.compute.settings.setDelays({ ssmStaleMs: 0 });
    expect(await pingOf(id)).toBe('ConnectionLost');
  });

  test('comes online some time after the instance', async () => {
    region.compute.settings.setDelays({ ssmOnlineMs: 60_000 });
    const id = await runningInstance();
    expect(await pingOf(id)).toBeUndefined();
    region.compute.settings.setDelays({ ssmOnlineMs: 0 });
    expect(await pingOf(id)).toBe('Online');
  });
});

describe('the public parameters', () => {
  const ubuntu = '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';

  test('name the images', async () => {
    const one = await ssm.send(new GetParameterCommand({ Name: ubuntu }));
    expect(one.Parameter).toMatchObject({ Name: ubuntu, Value: images[0]!.id, Type: 'String', Version: 1 });
    const some = await ssm.send(new GetParametersCommand({ Names: [ubuntu, '/nothing'] }));
    expect([some.Parameters?.length, some.InvalidParameters]).toEqual([1, ['/nothing']]);
    const Path = '/aws/service/deeplearning/ami/arm64';
    const under = await ssm.send(new GetParametersByPathCommand({ Path, Recursive: true }));
    expect(under.Parameters).toHaveLength(3);
    expect(new Set(under.Parameters?.map(({ Value }) => Value))).toEqual(new Set([images[1]!.id]));
    expect((await ssm.send(new GetParametersByPathCommand({ Path }))).Parameters).toEqual([]);
  });

  test('that do not exist are an error', async () => {
    await expect(ssm.send(new GetParameterCommand({ Name: '/nothing' }))).rejects.toEqual(error('ParameterNotFound'));
  });
});

test('an instance role may not use the API, and throttling has its own name', async () => {
  const id = await runningInstance();
  const session = region.compute.credentials.sessionOf(region.compute.instances.get(id), 'runctl-instance');
  const role = new SSMClient({ endpoint: region.endpoint, region: 'us-east-1', credentials: session, maxAttempts: 1 });
  await expect(role.send(new ListCommandsCommand({}))).rejects.toEqual(error('AccessDeniedException'));
  role.destroy();
  region.compute.settings.failNext('ListCommands', 'RequestLimitExceeded');
  await expect(ssm.send(new ListCommandsCommand({}))).rejects.toEqual(error('ThrottlingException'));
});

test('every action was called in this file', () => {
  const made = [...region.served].map((name) => name.replace('ssm:', ''));
  expect(ssmActionNames.filter((name) => !made.includes(name))).toEqual([]);
});
