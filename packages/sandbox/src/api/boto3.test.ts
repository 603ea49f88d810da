import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { imageId } from '../model/testing/model-region.ts';
import { ec2ActionNames } from './ec2/service.ts';
import { iamActionNames } from './iam/service.ts';
import { pricingActionNames } from './pricing/service.ts';
import { quotaActionNames } from './servicequotas/service.ts';
import { ssmActionNames } from './ssm/service.ts';
import { missingClient, runClient } from './testing/client-process.ts';
import { regionServer } from './testing/region-server.ts';

const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('testing/fixtures/every_action.py', import.meta.url));

/** `describe_instances` of `DescribeInstances`. */
function snakeCase(action: string): string {
  return action.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

test('boto3 calls every action and understands every answer', async (context) => {
  const missing =
    missingClient(python) ??
    ((await runClient(python, ['-c', 'import boto3'], {})).exitCode === 0 ? null : 'boto3 is not installed');
  if (missing !== null) context.skip(missing);
  await using region = await regionServer({ invocationVisibleMs: 500, profileDelayMs: 600_000 });
  region.compute.settings.setCapacity({ type: 'r7i.2xlarge' }, 0);
  const outcome = await runClient(python, [script, region.endpoint, imageId], region.environment);
  expect(outcome.stderr).not.toContain('Traceback');
  const seen = JSON.parse(outcome.stdout) as Record<string, unknown>;
  const others = ['GetCallerIdentity', ...iamActionNames.filter((name) => name !== 'CreateServiceLinkedRole')];
  const actions = [...ec2ActionNames, ...ssmActionNames, ...quotaActionNames, ...pricingActionNames, ...others];
  expect(actions.map(snakeCase).filter((name) => !(name in seen))).toEqual([]);
  const spot = (seen['run_instances'] as { Instances: Array<{ InstanceId: string }> }).Instances[0]!.InstanceId;

  expect(seen).toMatchObject({
    get_caller_identity: { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/sandbox' },
    describe_regions: { Regions: [{ RegionName: 'us-east-1' }] },
    describe_availability_zones: {
      AvailabilityZones: [{ ZoneId: 'use1-az4' }, { ZoneId: 'use1-az6' }, { ZoneId: 'use1-az1' }],
    },
    describe_instance_types: {
      InstanceTypes: [
        { InstanceType: 'f2.6xlarge', FpgaInfo: { Fpgas: [{ Manufacturer: 'Xilinx' }] } },
        { VCpuInfo: { DefaultVCpus: 4 }, GpuInfo: { Gpus: [{ Name: 'A10G' }] } },
        // Older releases of boto3 leave out what they know no member for.
        { InstanceType: 'inf2.xlarge' },
        { InstanceType: 'vt1.3xlarge' },
      ],
    },
    describe_instance_type_offerings: {
      InstanceTypeOfferings: [{ InstanceType: 'p6-b200.48xlarge', Location: 'use1-az6' }],
    },
    describe_images: { Images: [{ ImageId: imageId, BlockDeviceMappings: [{ Ebs: { VolumeSize: 8 } }] }] },
    describe_key_pairs: { KeyPairs: [] },
    describe_vpcs: { Vpcs: [{ IsDefault: true }] },
    describe_subnets: { Subnets: [{ DefaultForAz: true }, { DefaultForAz: true }, { DefaultForAz: true }] },
    describe_security_groups: {
      SecurityGroups: [{ GroupName: 'default', IpPermissionsEgress: [{ IpProtocol: '-1' }] }],
    },
    'closed group': [{ GroupName: 'boto', IpPermissions: [], Tags: [{ Key: 'a', Value: '1' }] }],
    get_role: { Role: { RoleName: 'boto', Tags: [{ Key: 'a' }, { Key: 'b' }], AssumeRolePolicyDocument: {} } },
    list_role_policies: { PolicyNames: ['own'], IsTruncated: false },
    get_role_policy: { PolicyDocument: { Version: '2012-10-17', Statement: [] } },
    get_instance_profile: { InstanceProfile: { Roles: [{ RoleName: 'boto' }] } },
    'role in use': ['DeleteConflict', 409],
    'role again': ['EntityAlreadyExists', 409],
    'profile too new': ['InvalidParameterValue', 400],
    'no role': ['NoSuchEntity', 404],
    'linked role again': ['InvalidInput', 400],
    get_service_quota: { Quota: { QuotaName: 'All G and VT Spot Instance Requests' } },
    'no quota': ['NoSuchResourceException', 400],
    get_products: { FormatVersion: 'aws_v1', PriceList: [expect.stringContaining('"USD":"1.0060000000"') as string] },
    'no attribute': ['InvalidParameterException', 400],
    'no such service': ['NotFoundException', 400],
    describe_route_tables: { RouteTables: [{ Associations: [{ Main: true }], Routes: [{ State: 'active' }, {}] }] },
    describe_vpc_endpoints: { VpcEndpoints: [] },
    describe_spot_price_history: {
      SpotPriceHistory: [{ AvailabilityZone: 'us-east-1a', ProductDescription: 'Linux/UNIX' }],
    },
    create_launch_template: { LaunchTemplate: { LaunchTemplateName: 'boto', LatestVersionNumber: 1 } },
    create_launch_template_version: { LaunchTemplateVersion: { VersionNumber: 2 } },
    describe_launch_templates: { LaunchTemplates: [{ LatestVersionNumber: 2, DefaultVersionNumber: 1 }] },
    describe_launch_template_versions: {
      LaunchTemplateVersions: [
        {
          LaunchTemplateData: {
            InstanceType: 'g5.2xlarge',
            UserData: 'ZWNobyBoaQ==',
            TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'runctl:run', Value: 'r-1' }] }],
          },
        },
      ],
    },
    describe_instances: {
      Reservations: [{ Instances: [{ InstanceId: spot, InstanceLifecycle: 'spot', State: { Name: 'running' } }] }],
    },
    describe_instance_status: { InstanceStatuses: [{ InstanceStatus: { Status: 'ok' } }] },
    get_console_output: { Output: `console of ${spot}\n` },
    describe_tags: { Tags: [{ Key: 'a', Value: '1', ResourceType: 'instance' }] },
    describe_volumes: { Volumes: [{ State: 'in-use', Attachments: [{ InstanceId: spot }] }] },
    describe_spot_instance_requests: {
      SpotInstanceRequests: [{ State: 'active', Status: { Code: 'fulfilled' }, InstanceId: spot }],
    },
    cancel_spot_instance_requests: { CancelledSpotInstanceRequests: [{ State: 'cancelled' }] },
    describe_instance_information: { InstanceInformationList: [{ InstanceId: spot, PingStatus: 'Online' }] },
    'invocation too early': ['InvocationDoesNotExist', 400],
    list_command_invocations: {
      CommandInvocations: [{ InstanceId: spot, CommandPlugins: [{ Name: 'aws:runShellScript' }] }],
    },
    get_command_invocation: { Status: 'Success', ResponseCode: 0, StandardOutputContent: 'echo hi\n' },
    list_commands: { Commands: [{ Status: 'Success', CompletedCount: 1, ErrorCount: 0 }] },
    cancel_command: {},
    get_parameter: { Parameter: { Value: imageId } },
    get_parameters: { Parameters: [{ Value: imageId }], InvalidParameters: ['/nothing'] },
    get_parameters_by_path: { Parameters: [{ Value: imageId }, {}] },
    stop_instances: { StoppingInstances: [{ PreviousState: { Name: 'running' }, CurrentState: { Name: 'stopping' } }] },
    start_instances: { StartingInstances: [{ PreviousState: { Name: 'stopped' }, CurrentState: { Name: 'pending' } }] },
    describe_fleet_instances: { ActiveInstances: [{ InstanceHealth: 'healthy' }] },
    describe_fleets: {
      Fleets: [
        {
          FleetState: 'active',
          FulfilledCapacity: 1,
          TargetCapacitySpecification: {
            TotalTargetCapacity: 1,
            SpotTargetCapacity: 1,
            DefaultTargetCapacityType: 'spot',
          },
          LaunchTemplateConfigs: [{ Overrides: [{ InstanceType: 'g5.xlarge' }, { WeightedCapacity: 1 }] }],
        },
      ],
    },
    modify_fleet: { Return: true },
    describe_fleet_history: {
      HistoryRecords: expect.arrayContaining([
        expect.objectContaining({
          EventType: 'instanceChange',
          EventInformation: expect.objectContaining({ EventSubType: 'launched' }) as object,
        }),
      ]) as object,
    },
    delete_fleets: {
      SuccessfulFleetDeletions: [{ CurrentFleetState: 'deleted_terminating' }],
      UnsuccessfulFleetDeletions: [],
    },
    terminate_instances: { TerminatingInstances: [{ InstanceId: spot, CurrentState: { Name: 'shutting-down' } }] },
    delete_launch_template_versions: { SuccessfullyDeletedLaunchTemplateVersions: [{ VersionNumber: 2 }] },
    delete_launch_template: { LaunchTemplate: { LaunchTemplateName: 'boto' } },
    'dry run': ['DryRunOperation', 412],
    'no capacity': ['InsufficientInstanceCapacity', 500],
    'no instance': ['InvalidInstanceId', 400],
  });
  // Encoded by the client here, and by the caller in a launch template.
  expect(region.driver.of(spot).boot.userData?.toString()).toBe('echo hi');
});
