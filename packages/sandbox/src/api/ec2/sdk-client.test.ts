import {
  CancelSpotInstanceRequestsCommand,
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateTagsCommand,
  DeleteFleetsCommand,
  DeleteLaunchTemplateCommand,
  DeleteLaunchTemplateVersionsCommand,
  DeleteTagsCommand,
  DescribeAvailabilityZonesCommand,
  DescribeFleetHistoryCommand,
  DescribeFleetInstancesCommand,
  DescribeFleetsCommand,
  DescribeImagesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeLaunchTemplatesCommand,
  DescribeRegionsCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
  EC2Client,
  GetConsoleOutputCommand,
  ModifyFleetCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  paginateDescribeInstances,
  paginateDescribeSpotPriceHistory,
  waitUntilInstanceRunning,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2';
import type { CreateFleetCommandInput, RequestLaunchTemplateData, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageId } from '../../model/testing/model-region.ts';
import { eventually, regionServer } from '../testing/region-server.ts';
import type { RegionServer } from '../testing/region-server.ts';
import { ec2ActionNames } from './service.ts';

let region: RegionServer;
let ec2: EC2Client;
let names = 0;

beforeAll(async () => {
  region = await regionServer();
  ec2 = clientOf(region.compute.credentials.userKey);
});

afterAll(async () => {
  ec2.destroy();
  await region[Symbol.asyncDispose]();
});

function clientOf(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): EC2Client {
  return new EC2Client({ endpoint: region.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
}

const userData = Buffer.from('#!/bin/sh\necho hello\n').toString('base64');
const templateData: RequestLaunchTemplateData = {
  ImageId: imageId,
  InstanceType: 'g5.xlarge',
  UserData: userData,
  IamInstanceProfile: { Name: 'runctl-instance' },
  InstanceInitiatedShutdownBehavior: 'terminate',
  BlockDeviceMappings: [
    { DeviceName: '/dev/sda1', Ebs: { VolumeSize: 30, VolumeType: 'gp3', DeleteOnTermination: true } },
  ],
  MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, InstanceMetadataTags: 'enabled' },
  TagSpecifications: [
    { ResourceType: 'instance', Tags: [{ Key: 'runctl:run', Value: 'r-1' }] },
    { ResourceType: 'volume', Tags: [{ Key: 'runctl:run', Value: 'r-1' }] },
  ],
};

const plain: RunInstancesCommandInput = { ImageId: imageId, InstanceType: 'c7i.large', MinCount: 1, MaxCount: 1 };

async function makeTemplate(data: RequestLaunchTemplateData = templateData) {
  const LaunchTemplateName = `template-${names++}`;
  const made = await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData: data }));
  return { id: made.LaunchTemplate!.LaunchTemplateId!, made };
}

async function run(input: Partial<RunInstancesCommandInput> = {}): Promise<string> {
  const answer = await ec2.send(new RunInstancesCommand({ ...plain, ...input }));
  return answer.Instances![0]!.InstanceId!;
}

async function describeOne(id: string) {
  const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return answer.Reservations![0]!.Instances![0]!;
}

async function fleetInput(input: Partial<CreateFleetCommandInput> = {}): Promise<CreateFleetCommandInput> {
  const { id } = await makeTemplate();
  return {
    Type: 'maintain',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: id, Version: '1' },
        Overrides: [{ InstanceType: 'g5.xlarge' }, { InstanceType: 'g4dn.xlarge' }],
      },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
    SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
    TagSpecifications: [{ ResourceType: 'fleet', Tags: [{ Key: 'runctl:managed', Value: 'true' }] }],
    ValidUntil: new Date(Date.now() + 86_400_000),
    TerminateInstancesWithExpiration: true,
    ...input,
  };
}

async function fleetMember(fleetId: string, other?: string): Promise<string> {
  return await eventually(async () => {
    const { ActiveInstances } = await ec2.send(new DescribeFleetInstancesCommand({ FleetId: fleetId }));
    return ActiveInstances?.find(({ InstanceId }) => InstanceId !== other)?.InstanceId;
  }, 'a member of the fleet');
}

const code = (name: string, status?: number) =>
  expect.objectContaining({
    name,
    ...(status === undefined ? {} : { $metadata: expect.objectContaining({ httpStatusCode: status }) as object }),
  }) as Error;

describe('the catalog', () => {
  test('names the region, its zones and what they offer', async () => {
    const regions = await ec2.send(new DescribeRegionsCommand({}));
    expect(regions.Regions).toEqual([expect.objectContaining({ RegionName: 'us-east-1' })]);
    const zones = await ec2.send(new DescribeAvailabilityZonesCommand({}));
    expect(zones.AvailabilityZones?.map(({ ZoneName }) => ZoneName)).toEqual([
      'us-east-1a',
      'us-east-1b',
      'us-east-1c',
    ]);
    expect(zones.AvailabilityZones?.[0]).toMatchObject({ ZoneId: 'use1-az4', State: 'available' });
    const offerings = await ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        Filters: [{ Name: 'instance-type', Values: ['p3dn.*', 'g7e.2xlarge', 'dl1.*'] }],
      }),
    );
    expect(offerings.InstanceTypeOfferings?.map(({ InstanceType, Location }) => [InstanceType, Location])).toEqual([
      ['g7e.2xlarge', 'us-east-1b'],
      ['p3dn.24xlarge', 'us-east-1b'],
      ['p3dn.24xlarge', 'us-east-1c'],
    ]);
  });

  test('describes types with their GPUs and memory, and refuses unknown ones', async () => {
    const types = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['g5.12xlarge'] }));
    expect(types.InstanceTypes?.[0]).toMatchObject({
      VCpuInfo: { DefaultVCpus: 48 },
      MemoryInfo: { SizeInMiB: 196_608 },
      GpuInfo: { Gpus: [{ Name: 'A10G', Manufacturer: 'NVIDIA', Count: 4 }], TotalGpuMemoryInMiB: 91_552 },
      ProcessorInfo: { SupportedArchitectures: ['x86_64'] },
      SupportedUsageClasses: ['on-demand', 'spot'],
    });
    await expect(
      ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['g5.tiny' as 'g5.xlarge'] })),
    ).rejects.toEqual(code('InvalidInstanceType', 400));
  });

  test('names every kind of accelerator and market as EC2 does', async () => {
    const described = async (type: string) =>
      (await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [type as 'g5.xlarge'] }))).InstanceTypes?.[0];
    expect(await described('g4ad.xlarge')).toMatchObject({ GpuInfo: { Gpus: [{ Manufacturer: 'AMD' }] } });
    expect(await described('dl1.24xlarge')).toMatchObject({ GpuInfo: { Gpus: [{ Manufacturer: 'Habana' }] } });
    expect(await described('trn1.2xlarge')).toMatchObject({ NeuronInfo: { NeuronDevices: [{ Name: 'Trainium' }] } });
    expect(await described('dl2q.24xlarge')).toMatchObject({
      InferenceAcceleratorInfo: { Accelerators: [{ Manufacturer: 'Qualcomm', Count: 8 }] },
    });
    expect(await described('g5g.xlarge')).toMatchObject({ ProcessorInfo: { SupportedArchitectures: ['arm64'] } });
    expect(await described('hpc7g.4xlarge')).toMatchObject({ SupportedUsageClasses: ['on-demand'] });
    expect(await described('p5.48xlarge')).toMatchObject({
      SupportedUsageClasses: ['capacity-block', 'on-demand', 'spot'],
    });
  });

  test('shows the network, the images and no key pairs', async () => {
    const vpcs = await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }));
    expect(vpcs.Vpcs).toMatchObject([{ IsDefault: true }]);
    const subnets = await ec2.send(
      new DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcs.Vpcs![0]!.VpcId!] }] }),
    );
    expect(subnets.Subnets?.map(({ AvailabilityZone, DefaultForAz }) => [AvailabilityZone, DefaultForAz])).toEqual([
      ['us-east-1a', true],
      ['us-east-1b', true],
      ['us-east-1c', true],
    ]);
    const groups = await ec2.send(new DescribeSecurityGroupsCommand({ GroupNames: ['default'] }));
    const closed = { GroupName: 'closed', Description: 'nothing in' };
    const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand(closed));
    const [made] = (await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }))).SecurityGroups ?? [];
    expect(made).toMatchObject({ ...closed, IpPermissions: [], IpPermissionsEgress: [{ IpProtocol: '-1' }] });
    await expect(ec2.send(new CreateSecurityGroupCommand(closed))).rejects.toEqual(code('InvalidGroup.Duplicate'));
    await ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
    await expect(ec2.send(new DeleteSecurityGroupCommand({ GroupId }))).rejects.toEqual(code('InvalidGroup.NotFound'));
    expect(groups.SecurityGroups).toMatchObject([{ GroupName: 'default', VpcId: vpcs.Vpcs![0]!.VpcId }]);
    const images = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    expect(images.Images).toMatchObject([
      { ImageId: imageId, RootDeviceName: '/dev/sda1', BlockDeviceMappings: [{ Ebs: { VolumeSize: 8 } }] },
    ]);
    expect((await ec2.send(new DescribeKeyPairsCommand({}))).KeyPairs).toEqual([]);
    await expect(ec2.send(new DescribeImagesCommand({ ImageIds: ['ami-00000000000000000'] }))).rejects.toEqual(
      code('InvalidAMIID.NotFound'),
    );
  });

  test('shows the way out of each subnet: its own route table, else the main one, addresses and endpoints', async () => {
    const { network } = region.compute;
    const [a, b, c] = ['us-east-1a', 'us-east-1b', 'us-east-1c'] as const;
    network.setWayOut(a, 'endpoints');
    network.setWayOut(b, 'deleted-nat-gateway');
    network.setWayOut(c, 'internet-gateway-without-addresses');
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
    expect(Subnets?.map(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch)).toEqual([false, false, false]);
    const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({}));
    expect(RouteTables).toMatchObject([
      { Associations: [{ Main: true }], Routes: [{ GatewayId: 'local' }, { GatewayId: 'igw-0123456789abcdef0' }] },
      {
        Associations: [{ SubnetId: Subnets?.[0]?.SubnetId }],
        Routes: [{}, { DestinationPrefixListId: 'pl-63a5400a' }],
      },
      { Associations: [{ SubnetId: Subnets?.[1]?.SubnetId }], Routes: [{}, { State: 'blackhole' }] },
    ]);
    const Filters = [{ Name: 'association.subnet-id', Values: [Subnets?.[1]?.SubnetId ?? ''] }];
    const own = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
    expect(own.RouteTables).toHaveLength(1);
    const { VpcEndpoints } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    expect(VpcEndpoints).toMatchObject([
      {
        VpcEndpointType: 'Gateway',
        ServiceName: 'com.amazonaws.us-east-1.s3',
        RouteTableIds: [RouteTables?.[1]?.RouteTableId],
      },
      { VpcEndpointType: 'Interface', SubnetIds: [Subnets?.[0]?.SubnetId], PrivateDnsEnabled: true },
    ]);
    for (const zone of [a, b, c]) network.setWayOut(zone, 'internet-gateway');
  });

  test('has a price history that is the same whenever it is asked, page by page', async () => {
    const input = {
      InstanceTypes: ['g5.xlarge' as const],
      ProductDescriptions: ['Linux/UNIX'],
      StartTime: new Date(Date.now() - 7 * 86_400_000),
      EndTime: new Date(),
    };
    const whole = await ec2.send(new DescribeSpotPriceHistoryCommand(input));
    const pages = [];
    for await (const page of paginateDescribeSpotPriceHistory({ client: ec2, pageSize: 50 }, input))
      pages.push(...(page.SpotPriceHistory ?? []));
    expect(pages).toEqual(whole.SpotPriceHistory);
    expect(new Set(pages.map(({ AvailabilityZone }) => AvailabilityZone)).size).toBe(3);
    // The last change before the window is part of it.
    expect(pages.at(-1)!.Timestamp!.getTime()).toBeLessThanOrEqual(input.StartTime.getTime());
    for (const { SpotPrice } of pages) {
      expect(Number(SpotPrice)).toBeGreaterThan(0.25 * 1.006);
      expect(Number(SpotPrice)).toBeLessThan(0.55 * 1.006);
    }
  });
});

describe('launch templates', () => {
  test('keep what they were given, version by version', async () => {
    const { id, made } = await makeTemplate();
    expect(made.Warning).toBeUndefined();
    const second = await ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateId: id,
        SourceVersion: '1',
        LaunchTemplateData: { InstanceType: 'g5.2xlarge' },
      }),
    );
    expect(second.LaunchTemplateVersion).toMatchObject({ VersionNumber: 2, DefaultVersion: false });
    const { LaunchTemplateVersions } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: ['$Default', '$Latest'] }),
    );
    expect(LaunchTemplateVersions?.[0]?.LaunchTemplateData).toEqual({
      ...templateData,
      MetadataOptions: templateData.MetadataOptions,
    });
    expect(LaunchTemplateVersions?.[1]?.LaunchTemplateData).toEqual({ ...templateData, InstanceType: 'g5.2xlarge' });
    const deleted = await ec2.send(
      new DeleteLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: ['2', '7'] }),
    );
    expect(deleted.SuccessfullyDeletedLaunchTemplateVersions).toMatchObject([{ VersionNumber: 2 }]);
    expect(deleted.UnsuccessfullyDeletedLaunchTemplateVersions).toMatchObject([
      { VersionNumber: 7, ResponseError: { Code: 'launchTemplateVersionDoesNotExist' } },
    ]);
    const listed = await ec2.send(new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [id] }));
    expect(listed.LaunchTemplates).toMatchObject([{ LatestVersionNumber: 2, DefaultVersionNumber: 1 }]);
    await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: id }));
    await expect(ec2.send(new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [id] }))).rejects.toEqual(
      code('InvalidLaunchTemplateId.NotFound', 400),
    );
  });

  test('refuse bad user data and names in use, and only warn of what a launch will be refused for', async () => {
    const send = (LaunchTemplateName: string, data: RequestLaunchTemplateData) =>
      ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData: data }));
    await expect(send('bad-data', { UserData: 'not base64!' })).rejects.toEqual(code('InvalidUserData.Malformed'));
    const large = Buffer.alloc(16 * 1024 + 1).toString('base64');
    await expect(send('large-data', { UserData: large })).rejects.toEqual(code('InvalidUserData.Malformed'));
    await send('full-data', { UserData: Buffer.alloc(16 * 1024).toString('base64') });
    await expect(send('full-data', { InstanceType: 'c7i.large' })).rejects.toEqual(
      code('InvalidLaunchTemplateName.AlreadyExistsException'),
    );
    const warned = await send('warned', { ImageId: 'ami-00000000000000000', InstanceType: 'g5.tiny' as 'g5.xlarge' });
    expect(warned.Warning?.Errors?.map((error) => error.Code)).toEqual([
      'InvalidParameterValue',
      'InvalidAMIID.NotFound',
    ]);
  });
});

describe('instances', () => {
  test('run from a template, tell all about themselves, and end', async () => {
    const { id } = await makeTemplate();
    const spot = { MarketType: 'spot' as const, SpotOptions: { SpotInstanceType: 'one-time' as const } };
    const instanceId = await run({
      ImageId: undefined,
      InstanceType: undefined,
      LaunchTemplate: { LaunchTemplateId: id, Version: '1' },
      Placement: { AvailabilityZone: 'us-east-1b' },
      InstanceMarketOptions: spot,
    });
    await waitUntilInstanceRunning(
      { client: ec2, maxWaitTime: 5, minDelay: 0.05, maxDelay: 0.1 },
      { InstanceIds: [instanceId] },
    );
    expect(region.driver.of(instanceId).boot.userData?.toString()).toBe('#!/bin/sh\necho hello\n');
    const instance = await describeOne(instanceId);
    expect(instance).toMatchObject({
      ImageId: imageId,
      InstanceType: 'g5.xlarge',
      InstanceLifecycle: 'spot',
      Placement: { AvailabilityZone: 'us-east-1b' },
      State: { Code: 16, Name: 'running' },
      IamInstanceProfile: { Arn: 'arn:aws:iam::123456789012:instance-profile/runctl-instance' },
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, InstanceMetadataTags: 'enabled' },
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { Status: 'attached', DeleteOnTermination: true } }],
      PrivateIpAddress: expect.stringMatching(/^10\.77\./) as string,
    });
    expect(instance.Tags).toContainEqual({ Key: 'aws:ec2launchtemplate:id', Value: id });
    const volumes = await ec2.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instanceId] }] }),
    );
    expect(volumes.Volumes).toMatchObject([
      {
        Size: 30,
        State: 'in-use',
        Tags: [{ Key: 'runctl:run', Value: 'r-1' }],
        Attachments: [{ InstanceId: instanceId }],
      },
    ]);
    const output = await ec2.send(new GetConsoleOutputCommand({ InstanceId: instanceId }));
    expect(Buffer.from(output.Output!, 'base64').toString()).toBe(`console of ${instanceId}\n`);
    const status = await ec2.send(new DescribeInstanceStatusCommand({ InstanceIds: [instanceId] }));
    expect(status.InstanceStatuses).toMatchObject([
      { InstanceStatus: { Status: 'ok' }, SystemStatus: { Status: 'ok' } },
    ]);
    const ended = await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    expect(ended.TerminatingInstances).toMatchObject([
      { PreviousState: { Name: 'running' }, CurrentState: { Name: 'shutting-down' } },
    ]);
    await waitUntilInstanceTerminated(
      { client: ec2, maxWaitTime: 5, minDelay: 0.05, maxDelay: 0.1 },
      { InstanceIds: [instanceId] },
    );
    expect((await describeOne(instanceId)).StateReason?.Code).toBe('Client.UserInitiatedShutdown');
  });

  test('are found by filters, page by page', async () => {
    const Tags = [{ Key: 'group', Value: 'paged' }];
    const many = { MinCount: 3, MaxCount: 3, TagSpecifications: [{ ResourceType: 'instance' as const, Tags }] };
    await run(many);
    await run({ ...many, InstanceType: 'm7i.large' });
    const find = async (filters: Record<string, string[]>) => {
      const Filters = Object.entries({ 'tag:group': ['paged'], ...filters }).map(([Name, Values]) => ({
        Name,
        Values,
      }));
      const found = [];
      for await (const page of paginateDescribeInstances({ client: ec2, pageSize: 5 }, { Filters }))
        found.push(...(page.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []));
      return found;
    };
    expect(await find({})).toHaveLength(6);
    expect(await find({ 'instance-type': ['m7i.*'] })).toHaveLength(3);
    expect(await find({ 'instance-state-name': ['pending', 'running'], 'tag-key': ['group'] })).toHaveLength(6);
    expect(await find({ 'availability-zone': ['us-east-1z'] })).toEqual([]);
    await expect(find({ nonsense: ['x'] })).rejects.toEqual(code('InvalidParameterValue', 400));
    await expect(ec2.send(new DescribeInstancesCommand({ InstanceIds: ['i-00000000000000000'] }))).rejects.toEqual(
      code('InvalidInstanceID.NotFound', 400),
    );
    await expect(ec2.send(new DescribeInstancesCommand({ InstanceIds: ['x'] }))).rejects.toEqual(
      code('InvalidInstanceID.Malformed', 400),
    );
  });

  test('stop and start when they are on-demand; spot instances refuse', async () => {
    const id = await run();
    const spot = await run({ InstanceMarketOptions: { MarketType: 'spot' } });
    const InstanceIds = [id];
    const isIn = (state: string) => async () => ((await describeOne(id)).State?.Name === state ? true : undefined);
    await eventually(isIn('running'), 'running');
    await ec2.send(new StopInstancesCommand({ InstanceIds }));
    await eventually(isIn('stopped'), 'stopped');
    await ec2.send(new StartInstancesCommand({ InstanceIds }));
    await eventually(isIn('running'), 'running again');
    expect(region.driver.of(id).boot.userData).toBeNull();
    await expect(ec2.send(new StopInstancesCommand({ InstanceIds: [spot] }))).rejects.toEqual(
      code('UnsupportedOperation'),
    );
  });

  test('carry tags that can be changed and listed, but not the reserved ones', async () => {
    const id = await run();
    await ec2.send(
      new CreateTagsCommand({
        Resources: [id],
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'b', Value: '2' },
        ],
      }),
    );
    await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'b' }, { Key: 'a', Value: 'other' }] }));
    const listed = await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id] }] }));
    expect(listed.Tags).toEqual([{ ResourceId: id, ResourceType: 'instance', Key: 'a', Value: '1' }]);
    const reserved = new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'aws:x', Value: '' }] });
    await expect(ec2.send(reserved)).rejects.toEqual(code('InvalidParameterValue'));
    const missing = new CreateTagsCommand({ Resources: ['i-00000000000000000'], Tags: [{ Key: 'x', Value: '' }] });
    await expect(ec2.send(missing)).rejects.toEqual(code('InvalidInstanceID.NotFound'));
  });

  test.each<[string, Partial<RunInstancesCommandInput>, string, number]>([
    ['a missing AMI', { ImageId: 'ami-00000000000000000' }, 'InvalidAMIID.NotFound', 400],
    ['no AMI id', { ImageId: 'ubuntu' }, 'InvalidAMIID.Malformed', 400],
    ['an unknown type', { InstanceType: 'c7i.tiny' as 'c7i.large' }, 'InvalidParameterValue', 400],
    [
      'a type that the zone lacks',
      { InstanceType: 'g7e.2xlarge', Placement: { AvailabilityZone: 'us-east-1a' } },
      'Unsupported',
      400,
    ],
    ['another architecture', { InstanceType: 'c7g.large' }, 'InvalidParameterValue', 400],
    ['a missing instance profile', { IamInstanceProfile: { Name: 'nobody' } }, 'InvalidParameterValue', 400],
    ['a missing subnet', { SubnetId: 'subnet-00000000000000000' }, 'InvalidSubnetID.NotFound', 400],
    ['a missing zone', { Placement: { AvailabilityZone: 'us-east-1z' } }, 'InvalidZone.NotFound', 400],
    ['a missing security group', { SecurityGroupIds: ['sg-00000000000000000'] }, 'InvalidGroup.NotFound', 400],
    ['a missing key pair', { KeyName: 'laptop' }, 'InvalidKeyPair.NotFound', 400],
    ['malformed user data', { UserData: '%%%' }, 'InvalidUserData.Malformed', 400],
    [
      'a disk smaller than the image',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { VolumeSize: 1 } }] },
      'InvalidBlockDeviceMapping',
      400,
    ],
    [
      'a missing template',
      { LaunchTemplate: { LaunchTemplateName: 'nothing' } },
      'InvalidLaunchTemplateName.NotFoundException',
      400,
    ],
    [
      'a reserved tag',
      { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: '' }] }] },
      'InvalidParameterValue',
      400,
    ],
    [
      'a tag key that metadata can not show',
      {
        MetadataOptions: { InstanceMetadataTags: 'enabled' },
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'runctl/run', Value: '' }] }],
      },
      'InvalidParameterValue',
      400,
    ],
    [
      'too low a maximum price',
      { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { MaxPrice: '0.001' } } },
      'SpotMaxPriceTooLow',
      400,
    ],
    [
      'a persistent spot request that terminates',
      { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'persistent' } } },
      'InvalidParameterCombination',
      400,
    ],
  ])('are refused for %s', async (_what, input, name, status) => {
    await expect(run(input)).rejects.toEqual(code(name, status));
  });

  test('without capacity are refused with a server error, in the words of the market', async () => {
    region.compute.settings.setCapacity({ type: 'r7i.xlarge', zone: 'us-east-1a' }, 0);
    const where = { InstanceType: 'r7i.xlarge' as const, Placement: { AvailabilityZone: 'us-east-1a' } };
    await expect(run(where)).rejects.toEqual(code('InsufficientInstanceCapacity', 500));
    region.compute.settings.setCapacity({ type: 'r7i.xlarge', market: 'spot' }, 0, 'MaxSpotInstanceCountExceeded');
    const spot = { ...where, InstanceMarketOptions: { MarketType: 'spot' as const } };
    await expect(run(spot)).rejects.toEqual(code('MaxSpotInstanceCountExceeded', 400));
    // Without a zone, the one that has room is found.
    region.compute.settings.setCapacity({ type: 'r7i.xlarge' }, 0);
    region.compute.settings.setCapacity({ type: 'r7i.xlarge', zone: 'us-east-1c' }, 1);
    const elsewhere = await describeOne(await run({ InstanceType: 'r7i.xlarge' }));
    expect(elsewhere.Placement?.AvailabilityZone).toBe('us-east-1c');
    region.compute.settings.clearCapacity();
  });

  test('are launched once for a client token', async () => {
    const ClientToken = 'token-run';
    const first = await run({ ClientToken });
    expect(await run({ ClientToken })).toBe(first);
    await expect(run({ ClientToken, InstanceType: 'm7i.large' })).rejects.toEqual(
      code('IdempotentParameterMismatch', 400),
    );
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [first] }));
    await eventually(
      async () => ((await describeOne(first)).State?.Name === 'terminated' ? true : undefined),
      'terminated',
    );
    await expect(run({ ClientToken })).rejects.toEqual(code('IdempotentInstanceTerminated', 400));
  });
});

describe('spot requests', () => {
  test('follow their instance, and can be cancelled under it', async () => {
    const id = await run({
      InstanceMarketOptions: { MarketType: 'spot' },
      TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [{ Key: 'a', Value: 'b' }] }],
    });
    const requestId = (await describeOne(id)).SpotInstanceRequestId!;
    const describeRequest = async () => {
      const answer = await ec2.send(new DescribeSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [requestId] }));
      return answer.SpotInstanceRequests![0]!;
    };
    expect(await describeRequest()).toMatchObject({
      State: 'active',
      Status: { Code: 'fulfilled' },
      InstanceId: id,
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    const input = { SpotInstanceRequestIds: [requestId] };
    const cancelled = await ec2.send(new CancelSpotInstanceRequestsCommand(input));
    expect(cancelled.CancelledSpotInstanceRequests).toMatchObject([{ State: 'cancelled' }]);
    expect((await describeRequest()).Status?.Code).toBe('request-canceled-and-instance-running');
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect((await describeRequest()).Status?.Code).toBe('instance-terminated-by-user');
  });
});

describe('fleets', () => {
  test('of type maintain keep a spot instance running until they are deleted', async () => {
    const input = await fleetInput({ ClientToken: 'token-fleet' });
    const { FleetId } = await ec2.send(new CreateFleetCommand(input));
    expect((await ec2.send(new CreateFleetCommand(input))).FleetId).toBe(FleetId);
    await expect(ec2.send(new CreateFleetCommand({ ...input, Context: 'other' }))).rejects.toEqual(
      code('IdempotentParameterMismatch'),
    );
    const first = await fleetMember(FleetId!);
    region.compute.interrupt(first, { notice: false });
    const second = await fleetMember(FleetId!, first);
    const instance = await describeOne(second);
    expect(Object.fromEntries(instance.Tags!.map(({ Key, Value }) => [Key, Value]))).toMatchObject({
      'aws:ec2:fleet-id': FleetId,
      'runctl:run': 'r-1',
    });
    const found = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:aws:ec2:fleet-id', Values: [FleetId!] }] }),
    );
    expect(found.Reservations?.flatMap(({ Instances }) => Instances!.map(({ InstanceId }) => InstanceId))).toEqual([
      first,
      second,
    ]);
    expect((await describeOne(first)).StateReason?.Code).toBe('Server.SpotInstanceTermination');

    await ec2.send(
      new ModifyFleetCommand({
        FleetId,
        TargetCapacitySpecification: { TotalTargetCapacity: 1, OnDemandTargetCapacity: 1, SpotTargetCapacity: 0 },
      }),
    );
    const third = await eventually(async () => {
      const { ActiveInstances } = await ec2.send(new DescribeFleetInstancesCommand({ FleetId }));
      return ActiveInstances?.find(({ SpotInstanceRequestId }) => SpotInstanceRequestId === undefined)?.InstanceId;
    }, 'an on-demand member');
    const described = await ec2.send(new DescribeFleetsCommand({ FleetIds: [FleetId!] }));
    expect(described.Fleets).toMatchObject([
      {
        FleetState: 'active',
        ActivityStatus: 'fulfilled',
        Type: 'maintain',
        FulfilledOnDemandCapacity: 1,
        TargetCapacitySpecification: { TotalTargetCapacity: 1, OnDemandTargetCapacity: 1, SpotTargetCapacity: 0 },
        SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
        TerminateInstancesWithExpiration: true,
        Tags: [{ Key: 'runctl:managed', Value: 'true' }],
        LaunchTemplateConfigs: [{ Overrides: [{ InstanceType: 'g5.xlarge' }, { InstanceType: 'g4dn.xlarge' }] }],
      },
    ]);
    const deleted = await ec2.send(new DeleteFleetsCommand({ FleetIds: [FleetId!], TerminateInstances: false }));
    expect(deleted.SuccessfulFleetDeletions).toMatchObject([
      { FleetId, PreviousFleetState: 'active', CurrentFleetState: 'deleted_running' },
    ]);
    expect((await describeOne(third)).State?.Name).toMatch(/pending|running/);
    const history = await ec2.send(new DescribeFleetHistoryCommand({ FleetId, StartTime: new Date(0) }));
    expect(history.HistoryRecords?.map(({ EventInformation }) => EventInformation?.EventSubType)).toEqual(
      expect.arrayContaining(['submitted', 'active', 'launched', 'terminated', 'modify_succeeded', 'deleted_running']),
    );
    expect(
      history.HistoryRecords?.find(({ EventInformation }) => EventInformation?.EventSubType === 'launched'),
    ).toMatchObject({
      EventType: 'instanceChange',
      EventInformation: { InstanceId: first },
    });
  });

  test('put the failures of their deletion into a good answer', async () => {
    const { FleetId } = await ec2.send(new CreateFleetCommand(await fleetInput()));
    const remove = (FleetIds: string[], TerminateInstances = true) =>
      ec2.send(new DeleteFleetsCommand({ FleetIds, TerminateInstances }));
    const missing = 'fleet-00000000-0000-0000-0000-000000000000';
    const answer = await remove([FleetId!, missing, 'fleet-x']);
    expect(answer.SuccessfulFleetDeletions).toHaveLength(1);
    expect(answer.UnsuccessfulFleetDeletions?.map(({ Error: error }) => error?.Code)).toEqual([
      'fleetIdDoesNotExist',
      'fleetIdMalformed',
    ]);
    const again = await remove([FleetId!]);
    expect(again.UnsuccessfulFleetDeletions).toMatchObject([{ Error: { Code: 'fleetNotInDeletableState' } }]);
    const { FleetId: instant } = await ec2.send(
      new CreateFleetCommand(await fleetInput({ Type: 'instant', ValidUntil: undefined })),
    );
    const kept = await remove([instant!], false);
    expect(kept.UnsuccessfulFleetDeletions).toMatchObject([{ Error: { Code: 'NoTerminateInstancesNotSupported' } }]);
  });

  test('of type instant answer with instances and errors', async () => {
    const instant = await fleetInput({ Type: 'instant', ValidUntil: undefined });
    const Overrides = [{ InstanceType: 'm7i.large' as const }, { InstanceType: 'm7i.4xlarge' as const }];
    const LaunchTemplateConfigs = instant.LaunchTemplateConfigs!.map((config) => ({ ...config, Overrides }));
    region.compute.settings.setCapacity({ type: 'm7i.large' }, 0);
    const answer = await ec2.send(new CreateFleetCommand({ ...instant, LaunchTemplateConfigs }));
    region.compute.settings.clearCapacity();
    expect(answer.Errors?.[0]).toMatchObject({
      ErrorCode: 'InsufficientInstanceCapacity',
      Lifecycle: 'spot',
      LaunchTemplateAndOverrides: { Overrides: { InstanceType: 'm7i.large' } },
    });
    const tried = new Set(answer.Errors?.map(({ ErrorCode }) => ErrorCode));
    expect(tried).toEqual(new Set(['InsufficientInstanceCapacity', 'UnfulfillableCapacity']));
    await expect(ec2.send(new DescribeFleetInstancesCommand({ FleetId: answer.FleetId }))).rejects.toEqual(
      code('Unsupported'),
    );
    const good = await ec2.send(new CreateFleetCommand(instant));
    expect(good.Instances).toMatchObject([{ Lifecycle: 'spot', InstanceIds: [expect.stringMatching(/^i-/)] }]);
    expect(good.Errors).toEqual([]);
  });

  test.each<[string, (input: CreateFleetCommandInput) => CreateFleetCommandInput, string]>([
    [
      'no template version',
      (input) => ({
        ...input,
        LaunchTemplateConfigs: input.LaunchTemplateConfigs!.map((config) => ({
          ...config,
          LaunchTemplateSpecification: { ...config.LaunchTemplateSpecification, Version: undefined },
        })),
      }),
      'MissingParameter',
    ],
    [
      'an unknown template version',
      (input) => ({
        ...input,
        LaunchTemplateConfigs: input.LaunchTemplateConfigs!.map((config) => ({
          ...config,
          LaunchTemplateSpecification: { ...config.LaunchTemplateSpecification, Version: '9' },
        })),
      }),
      'InvalidLaunchTemplateId.VersionNotFound',
    ],
    [
      'an AMI override of a maintain fleet',
      (input) => ({
        ...input,
        LaunchTemplateConfigs: input.LaunchTemplateConfigs!.map((config) => ({
          ...config,
          Overrides: [{ ImageId: imageId }],
        })),
      }),
      'InvalidParameterCombination',
    ],
    [
      'instance tags of a maintain fleet',
      (input) => ({ ...input, TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }] }),
      'InvalidParameterValue',
    ],
    ['an end in the past', (input) => ({ ...input, ValidUntil: new Date(0) }), 'InvalidParameterValue'],
    [
      'what is not modelled',
      (input) => ({
        ...input,
        SpotOptions: { MaintenanceStrategies: { CapacityRebalance: { ReplacementStrategy: 'launch' } } },
      }),
      'UnsupportedOperation',
    ],
    [
      'more spot and on-demand than the total',
      (input) => ({
        ...input,
        TargetCapacitySpecification: { TotalTargetCapacity: 1, OnDemandTargetCapacity: 1, SpotTargetCapacity: 1 },
      }),
      'InvalidTargetCapacitySpecification',
    ],
  ])('are refused with %s', async (_what, change, name) => {
    await expect(ec2.send(new CreateFleetCommand(change(await fleetInput())))).rejects.toEqual(code(name, 400));
  });
});

describe('every call', () => {
  test('with DryRun ends before it has an effect', async () => {
    const { FleetId } = await ec2.send(new CreateFleetCommand(await fleetInput()));
    const before = region.compute.instances.list().length;
    const dry = code('DryRunOperation', 412);
    await expect(run({ DryRun: true })).rejects.toEqual(dry);
    await expect(ec2.send(new CreateFleetCommand({ ...(await fleetInput()), DryRun: true }))).rejects.toEqual(dry);
    await expect(
      ec2.send(new DeleteFleetsCommand({ FleetIds: [FleetId!], TerminateInstances: true, DryRun: true })),
    ).rejects.toEqual(dry);
    await expect(ec2.send(new DescribeInstancesCommand({ DryRun: true }))).rejects.toEqual(dry);
    const template = { LaunchTemplateName: 'dry-template', LaunchTemplateData: templateData, DryRun: true };
    await expect(ec2.send(new CreateLaunchTemplateCommand(template))).rejects.toEqual(dry);
    expect(region.compute.fleets.get(FleetId!).state).not.toMatch(/deleted/);
    expect(region.compute.instances.list().length - before).toBeLessThanOrEqual(1);
  });

  test('is throttled and fails as planned', async () => {
    region.compute.settings.setThrottle('DescribeRegions', 2);
    await ec2.send(new DescribeRegionsCommand({}));
    await expect(ec2.send(new DescribeRegionsCommand({}))).rejects.toEqual(code('RequestLimitExceeded', 503));
    region.compute.settings.setThrottle('DescribeRegions', null);
    region.compute.settings.failNext('DescribeVpcs', 'InternalError', { times: 2 });
    for (let nth = 0; nth < 2; nth++)
      await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toEqual(code('InternalError', 500));
    await ec2.send(new DescribeVpcsCommand({}));
  });

  test('of an instance role is limited to ending its own fleet and itself, and reading prices', async () => {
    const { FleetId } = await ec2.send(new CreateFleetCommand(await fleetInput()));
    const { FleetId: foreign } = await ec2.send(
      new CreateFleetCommand({ ...(await fleetInput()), TagSpecifications: [] }),
    );
    const id = await fleetMember(FleetId!);
    const session = region.compute.credentials.sessionOf(region.compute.instances.get(id), 'runctl-instance');
    const role = clientOf(session);
    const denied = code('UnauthorizedOperation', 403);
    const deleteFleets = (fleetId: string, DryRun: boolean) =>
      role.send(new DeleteFleetsCommand({ FleetIds: [fleetId], TerminateInstances: false, DryRun }));
    await expect(deleteFleets(FleetId!, true)).rejects.toEqual(code('DryRunOperation'));
    await expect(deleteFleets(foreign!, true)).rejects.toEqual(denied);
    await expect(role.send(new DescribeInstancesCommand({}))).rejects.toEqual(denied);
    await expect(role.send(new RunInstancesCommand(plain))).rejects.toEqual(denied);
    const other = await run();
    await expect(role.send(new TerminateInstancesCommand({ InstanceIds: [other] }))).rejects.toEqual(denied);
    await role.send(new DescribeSpotPriceHistoryCommand({ InstanceTypes: ['g5.xlarge'] }));
    await role.send(new DescribeFleetsCommand({ FleetIds: [FleetId!] }));
    const modify = new ModifyFleetCommand({ FleetId, TargetCapacitySpecification: { TotalTargetCapacity: 1 } });
    await expect(role.send(modify)).rejects.toEqual(denied);
    region.compute.settings.grantRole(['ec2:ModifyFleet']);
    await role.send(modify);
    expect((await deleteFleets(FleetId!, false)).SuccessfulFleetDeletions).toHaveLength(1);
    await role.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    role.destroy();
  });

  test('with an unknown action is a client error', async () => {
    const authorization = 'AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/us-east-1/ec2/aws4_request';
    const body = new URLSearchParams({ Action: 'MakeCoffee', Version: '2016-11-15' });
    const response = await fetch(region.endpoint, { method: 'POST', body, headers: { authorization } });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('<Code>InvalidAction</Code>'),
    ]);
  });

  test('may find a new resource missing for a moment', async () => {
    region.compute.settings.setDelays({ eventualConsistencyMs: 60_000 });
    const id = await run();
    await expect(describeOne(id)).rejects.toEqual(code('InvalidInstanceID.NotFound'));
    region.compute.settings.setDelays({ eventualConsistencyMs: 0 });
    expect(await describeOne(id)).toMatchObject({ InstanceId: id });
  });

  test('was made in this file', () => {
    const made = [...region.served].map((name) => name.replace('ec2:', ''));
    expect(ec2ActionNames.filter((name) => !made.includes(name))).toEqual([]);
  });
});
