import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { required } from '@runctl/core';
import { imageId } from '../model/testing/model-region.ts';
import { ec2ActionNames } from './ec2/service.ts';
import { iamActionNames } from './iam/service.ts';
import { pricingActionNames } from './pricing/service.ts';
import { quotaActionNames } from './servicequotas/service.ts';
import { ssmActionNames } from './ssm/service.ts';
import { lineSession, missingClient, runClient } from './testing/client-process.ts';
import type { ClientOutcome, LineSession } from './testing/client-process.ts';
import { eventually, regionServer } from './testing/region-server.ts';
import type { RegionServer } from './testing/region-server.ts';

const program = '/usr/bin/aws';
const sessionScript = fileURLToPath(new URL('testing/fixtures/aws_cli_session.py', import.meta.url));

let region: RegionServer;
let session: LineSession | null = null;

beforeAll(async () => {
  region = await regionServer({ invocationVisibleMs: 0 });
  if (missingClient(program) === null) session = lineSession('/usr/bin/python3', [sessionScript], region.environment);
});
beforeEach((context) => {
  const missing = missingClient(program);
  if (missing !== null) context.skip(missing);
});
afterAll(async () => {
  await session?.[Symbol.asyncDispose]();
  await region[Symbol.asyncDispose]();
});

/** The CLI takes an endpoint with a slash at its end, too. */
function argumentsOf(service: string, command: string, args: readonly string[]): string[] {
  return [service, command, '--endpoint-url', `${region.endpoint}/`, '--output', 'json', ...args];
}

async function run(service: string, command: string, ...args: string[]): Promise<ClientOutcome> {
  return JSON.parse(
    await required(session, 'the CLI session').ask(JSON.stringify(argumentsOf(service, command, args))),
  ) as ClientOutcome;
}

/** The parsed answer of a call that must succeed. */
async function aws(service: string, command: string, ...args: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run(service, command, ...args);
  if (exitCode !== 0) throw new Error(`aws ${service} ${command}: ${stderr}`);
  return stdout.trim() === '' ? null : (JSON.parse(stdout) as unknown);
}

const ec2 = (command: string, ...args: string[]) => aws('ec2', command, ...args);
const ssm = (command: string, ...args: string[]) => aws('ssm', command, ...args);

const templateData = JSON.stringify({
  ImageId: imageId,
  InstanceType: 'g5.xlarge',
  UserData: 'ZWNobyBoaQ==',
  IamInstanceProfile: { Name: 'runctl-instance' },
  InstanceInitiatedShutdownBehavior: 'terminate',
});

async function template(name: string): Promise<string> {
  const made = await ec2(
    'create-launch-template',
    '--launch-template-name',
    name,
    '--launch-template-data',
    templateData,
  );
  return (made as { LaunchTemplate: { LaunchTemplateId: string } }).LaunchTemplate.LaunchTemplateId;
}

async function runInstance(...args: string[]): Promise<{ InstanceId: string; SpotInstanceRequestId?: string }> {
  const made = await ec2('run-instances', '--image-id', imageId, ...args);
  return (made as { Instances: Array<{ InstanceId: string }> }).Instances[0]!;
}

async function untilState(instanceId: string, state: string): Promise<void> {
  const instance = region.compute.instances.get(instanceId);
  await eventually(() => Promise.resolve(instance.state === state ? true : undefined), state);
}

/** Checks that each call's answer has what is expected of it. */
async function all(calls: ReadonlyArray<readonly [answer: Promise<unknown>, expected: object]>): Promise<void> {
  for (const [answer, expected] of calls) expect(await answer).toMatchObject(expected);
}

test('the program itself reads answers and reports errors', async () => {
  const start = (service: string, command: string, ...args: string[]) =>
    runClient(program, argumentsOf(service, command, args), region.environment);
  const [identity, missing] = await Promise.all([
    start('sts', 'get-caller-identity'),
    start('ec2', 'describe-fleets', '--fleet-ids', 'fleet-00000000-0000-0000-0000-000000000000'),
  ]);
  expect(JSON.parse(identity.stdout)).toMatchObject({ Account: '123456789012' });
  expect(missing).toMatchObject({
    exitCode: 254,
    stderr: expect.stringContaining('(InvalidFleetId.NotFound)') as string,
  });
});

describe('the AWS CLI', () => {
  test('reads the catalog and the network', async () => {
    await all([
      [aws('sts', 'get-caller-identity'), { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/sandbox' }],
      [ec2('describe-regions'), { Regions: [{ RegionName: 'us-east-1' }] }],
      [
        ec2('describe-availability-zones', '--zone-names', 'us-east-1b'),
        { AvailabilityZones: [{ ZoneId: 'use1-az6' }] },
      ],
      [
        ec2('describe-instance-types', '--instance-types', 'p3dn.24xlarge'),
        { InstanceTypes: [{ MemoryInfo: { SizeInMiB: 786_432 } }] },
      ],
      [
        ec2(
          'describe-instance-type-offerings',
          '--location-type',
          'availability-zone',
          '--filters',
          'Name=instance-type,Values=p3dn.*',
          'Name=location,Values=us-east-1a',
        ),
        { InstanceTypeOfferings: [] },
      ],
      [ec2('describe-images', '--image-ids', imageId), { Images: [{ RootDeviceName: '/dev/sda1' }] }],
      [ec2('describe-key-pairs'), { KeyPairs: [] }],
      [ec2('describe-vpcs', '--filters', 'Name=is-default,Values=true'), { Vpcs: [{ IsDefault: true }] }],
      [
        ec2('describe-subnets', '--filters', 'Name=availability-zone,Values=us-east-1c'),
        { Subnets: [{ AvailabilityZoneId: 'use1-az1' }] },
      ],
      [ec2('describe-security-groups'), { SecurityGroups: [{ GroupName: 'default' }] }],
      [ec2('describe-route-tables'), { RouteTables: [{ Routes: [{ GatewayId: 'local' }, { State: 'active' }] }] }],
      [ec2('describe-vpc-endpoints'), { VpcEndpoints: [] }],
      [
        ec2(
          'describe-spot-price-history',
          '--instance-types',
          'g5.xlarge',
          '--availability-zone',
          'us-east-1a',
          '--max-items',
          '1',
        ),
        {
          SpotPriceHistory: [
            { InstanceType: 'g5.xlarge', SpotPrice: expect.stringMatching(/^0\.[345]\d{5}$/) as string },
          ],
        },
      ],
      [
        ssm('get-parameter', '--name', '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64'),
        { Parameter: { Value: imageId } },
      ],
      [ssm('get-parameters', '--names', '/nothing'), { Parameters: [], InvalidParameters: ['/nothing'] }],
      [
        ssm('get-parameters-by-path', '--path', '/aws/service/ami-amazon-linux-latest'),
        { Parameters: [{ Value: imageId }, {}] },
      ],
    ]);
  });

  test('keeps launch templates', async () => {
    const id = await template('cli-template');
    const reference = ['--launch-template-id', id];
    await all([
      [
        ec2(
          'create-launch-template-version',
          ...reference,
          '--source-version',
          '1',
          '--launch-template-data',
          '{"InstanceType":"g5.2xlarge"}',
        ),
        {
          LaunchTemplateVersion: {
            VersionNumber: 2,
            LaunchTemplateData: { InstanceType: 'g5.2xlarge', ImageId: imageId },
          },
        },
      ],
    ]);
    await all([
      [
        ec2('describe-launch-templates', '--launch-template-names', 'cli-template'),
        { LaunchTemplates: [{ LatestVersionNumber: 2 }] },
      ],
      [
        ec2('describe-launch-template-versions', ...reference),
        { LaunchTemplateVersions: [{ VersionNumber: 2 }, { VersionNumber: 1, DefaultVersion: true }] },
      ],
    ]);
    await all([
      [
        ec2('delete-launch-template-versions', ...reference, '--versions', '2'),
        { SuccessfullyDeletedLaunchTemplateVersions: [{ VersionNumber: 2 }] },
      ],
    ]);
    await all([[ec2('delete-launch-template', ...reference), { LaunchTemplate: { LaunchTemplateId: id } }]]);
  });

  test('runs a spot instance, sends it a command, and ends it', async () => {
    const { InstanceId: id, SpotInstanceRequestId: request = '' } = await runInstance(
      '--instance-type=c7i.large',
      '--user-data=echo plain',
      '--instance-market-options=MarketType=spot',
      '--iam-instance-profile=Name=runctl-instance',
      '--tag-specifications=ResourceType=instance,Tags=[{Key=Name,Value=cli}]',
    );
    await untilState(id, 'running');
    expect(region.driver.of(id).boot.userData?.toString()).toBe('echo plain');
    await ec2('create-tags', '--resources', id, '--tags', 'Key=a,Value=1', 'Key=b,Value=2');
    await ec2('delete-tags', '--resources', id, '--tags', 'Key=b');
    const sent = await ssm(
      'send-command',
      '--document-name',
      'AWS-RunShellScript',
      '--instance-ids',
      id,
      '--parameters',
      'commands=["echo hi"]',
    );
    const command = (sent as { Command: { CommandId: string } }).Command.CommandId;
    await all([
      [
        ec2('describe-instances', '--filters', 'Name=tag:Name,Values=cli', 'Name=instance-state-name,Values=running'),
        { Reservations: [{ Instances: [{ InstanceId: id, InstanceLifecycle: 'spot', State: { Code: 16 } }] }] },
      ],
      [
        ec2('describe-instance-status', '--instance-ids', id),
        { InstanceStatuses: [{ SystemStatus: { Status: 'ok' } }] },
      ],
      [ec2('get-console-output', '--instance-id', id), { Output: `console of ${id}\n` }],
      [
        ec2('describe-tags', '--filters', `Name=resource-id,Values=${id}`),
        {
          Tags: [
            { Key: 'Name', Value: 'cli' },
            { Key: 'a', Value: '1' },
          ],
        },
      ],
      [
        ec2('describe-volumes', '--filters', `Name=attachment.instance-id,Values=${id}`),
        { Volumes: [{ Size: 8, State: 'in-use' }] },
      ],
      [
        ec2('describe-spot-instance-requests', '--spot-instance-request-ids', request),
        { SpotInstanceRequests: [{ Status: { Code: 'fulfilled' } }] },
      ],
      [
        ssm('describe-instance-information', '--filters', `Key=InstanceIds,Values=${id}`),
        { InstanceInformationList: [{ PingStatus: 'Online' }] },
      ],
      [
        ssm('get-command-invocation', '--command-id', command, '--instance-id', id),
        { Status: 'Success', StandardOutputContent: 'echo hi\n' },
      ],
      [
        ssm('list-command-invocations', '--command-id', command, '--details'),
        { CommandInvocations: [{ CommandPlugins: [{ Output: 'echo hi\n' }] }] },
      ],
      [ssm('list-commands', '--command-id', command), { Commands: [{ Status: 'Success' }] }],
      [
        ec2('cancel-spot-instance-requests', '--spot-instance-request-ids', request),
        { CancelledSpotInstanceRequests: [{ State: 'cancelled' }] },
      ],
    ]);
    await ssm('cancel-command', '--command-id', command);
    await all([
      [
        ec2('terminate-instances', '--instance-ids', id),
        { TerminatingInstances: [{ CurrentState: { Name: 'shutting-down' } }] },
      ],
    ]);
  });

  test('stops and starts an on-demand instance', async () => {
    const { InstanceId: id } = await runInstance('--instance-type', 'm7i.large');
    await untilState(id, 'running');
    await all([
      [ec2('stop-instances', '--instance-ids', id), { StoppingInstances: [{ CurrentState: { Name: 'stopping' } }] }],
    ]);
    await untilState(id, 'stopped');
    await all([
      [ec2('start-instances', '--instance-ids', id), { StartingInstances: [{ PreviousState: { Name: 'stopped' } }] }],
    ]);
  });

  test('keeps a fleet', async () => {
    const id = await template('cli-fleet');
    const configs = [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: id, Version: '1' },
        Overrides: [{ InstanceType: 'g5.xlarge' }],
      },
    ];
    const made = await ec2(
      'create-fleet',
      `--launch-template-configs=${JSON.stringify(configs)}`,
      '--target-capacity-specification=TotalTargetCapacity=1,DefaultTargetCapacityType=spot',
      '--spot-options=AllocationStrategy=price-capacity-optimized',
      '--tag-specifications=ResourceType=fleet,Tags=[{Key=runctl:managed,Value=true}]',
      `--valid-until=${new Date(Date.now() + 3_600_000).toISOString()}`,
      '--terminate-instances-with-expiration',
    );
    const fleet = (made as { FleetId: string }).FleetId;
    const members = () => region.compute.fleets.members(region.compute.fleets.get(fleet));
    const member = await eventually(() => Promise.resolve(members()[0]), 'a member');
    await all([
      [
        ec2('describe-fleets', '--fleet-ids', fleet),
        { Fleets: [{ FleetState: 'active', Type: 'maintain', FulfilledCapacity: 1 }] },
      ],
      [
        ec2('describe-fleet-instances', '--fleet-id', fleet),
        { ActiveInstances: [{ InstanceId: member.id, InstanceHealth: 'healthy' }] },
      ],
      [
        ec2(
          'describe-fleet-history',
          '--fleet-id',
          fleet,
          '--start-time',
          '2020-01-01T00:00:00Z',
          '--event-type',
          'instance-change',
        ),
        {
          HistoryRecords: [
            { EventType: 'instanceChange', EventInformation: { EventSubType: 'launched', InstanceId: member.id } },
          ],
        },
      ],
      [
        ec2('modify-fleet', '--fleet-id', fleet, '--target-capacity-specification', 'TotalTargetCapacity=0'),
        { Return: true },
      ],
    ]);
    await eventually(() => Promise.resolve(members().length === 0 ? true : undefined), 'no members');
    await all([
      [
        ec2(
          'delete-fleets',
          '--fleet-ids',
          fleet,
          'fleet-00000000-0000-0000-0000-000000000000',
          '--no-terminate-instances',
        ),
        {
          SuccessfulFleetDeletions: [{ FleetId: fleet, CurrentFleetState: 'deleted_running' }],
          UnsuccessfulFleetDeletions: [{ Error: { Code: 'fleetIdDoesNotExist' } }],
        },
      ],
    ]);
  });

  test('makes a role, a profile and a group, and takes them back', async () => {
    const iam = (command: string, ...args: string[]) => aws('iam', command, ...args);
    const role = ['--role-name', 'cli'];
    const profile = ['--instance-profile-name', 'cli'];
    const policy = ['--policy-name', 'own'];
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [] });
    await iam('create-role', ...role, '--assume-role-policy-document', document, '--tags', 'Key=a,Value=1');
    await iam('tag-role', ...role, '--tags', 'Key=b,Value=2');
    await iam('put-role-policy', ...role, ...policy, '--policy-document', document);
    await iam('create-instance-profile', ...profile);
    await iam('add-role-to-instance-profile', ...profile, ...role);
    const made = await ec2('create-security-group', '--group-name', 'cli', '--description', 'nothing in');
    const { GroupId: group } = made as { GroupId: string };
    region.compute.roles.forgetLinkedRoles();
    await all([
      [iam('get-role', ...role), { Role: { Tags: [{ Key: 'a' }, { Key: 'b' }] } }],
      [iam('list-role-policies', ...role), { PolicyNames: ['own'] }],
      [iam('get-role-policy', ...role, ...policy), { PolicyDocument: { Statement: [] } }],
      [iam('get-instance-profile', ...profile), { InstanceProfile: { Roles: [{ RoleName: 'cli' }] } }],
      [ec2('describe-security-groups', '--group-ids', group), { SecurityGroups: [{ IpPermissions: [] }] }],
      [
        iam('create-service-linked-role', '--aws-service-name', 'spot.amazonaws.com'),
        { Role: { RoleName: 'AWSServiceRoleForEC2Spot', Path: '/aws-service-role/spot.amazonaws.com/' } },
      ],
      [
        aws('service-quotas', 'get-service-quota', '--service-code', 'ec2', '--quota-code', 'L-3819A6DF'),
        { Quota: { QuotaName: 'All G and VT Spot Instance Requests' } },
      ],
      [
        aws('service-quotas', 'list-service-quotas', '--service-code', 'ec2'),
        { Quotas: region.compute.quotas.list().map(({ code }) => ({ QuotaCode: code })) },
      ],
      [
        aws(
          'pricing',
          'get-products',
          '--service-code',
          'AmazonEC2',
          '--filters',
          'Type=TERM_MATCH,Field=instanceType,Value=g5.xlarge',
        ),
        { FormatVersion: 'aws_v1', PriceList: [expect.stringContaining('"USD":"1.0060000000"') as string] },
      ],
    ]);
    await iam('remove-role-from-instance-profile', ...profile, ...role);
    await iam('delete-instance-profile', ...profile);
    await iam('delete-role-policy', ...role, ...policy);
    await iam('delete-role', ...role);
    await ec2('delete-security-group', '--group-id', group);
    expect(() => region.compute.roles.role('cli')).toThrow('cannot be found');
    expect(region.compute.groups.find(group)).toBeUndefined();
  });

  test('shows errors by their code', async () => {
    region.compute.settings.setCapacity({ type: 'r7i.2xlarge' }, 0);
    const refusals = await Promise.all([
      run('ec2', 'run-instances', '--image-id', imageId, '--instance-type', 'r7i.2xlarge'),
      run('ec2', 'run-instances', '--image-id', imageId, '--instance-type', 'c7i.large', '--dry-run'),
      run('ssm', 'get-parameter', '--name', '/nothing'),
    ]);
    const stderr = refusals.map((refusal) => /\((\w+)\) when calling/.exec(refusal.stderr)?.[1]);
    expect(stderr).toEqual(['InsufficientInstanceCapacity', 'DryRunOperation', 'ParameterNotFound']);
    expect(refusals.map(({ exitCode }) => exitCode)).toEqual([254, 254, 254]);
  });
});

test('the AWS CLI called every action', () => {
  const made = [...region.served].map((name) => name.split(':')[1]);
  const all = [
    ...ec2ActionNames,
    ...ssmActionNames,
    ...iamActionNames,
    ...quotaActionNames,
    ...pricingActionNames,
    'GetCallerIdentity',
  ];
  expect(all.filter((name) => !made.includes(name))).toEqual([]);
});
