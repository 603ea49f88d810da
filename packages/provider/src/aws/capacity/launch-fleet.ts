import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeImagesCommand,
  DescribeLaunchTemplatesCommand,
  type _InstanceType,
  type EC2Client,
  type RequestLaunchTemplateData,
  type ValidationWarning,
} from '@aws-sdk/client-ec2';
import { RunctlError, required, retry, type Clock } from '@runctl/core';
import type { LaunchRequest } from '../../fleet-provider.ts';
import { awsCodeOf, classifyAwsError, isEventualConsistency } from '../api/classify.ts';
import { tagsOf } from '../api/tags.ts';

/** Creates the launch template and the fleet of a launch; with the same client token again, finds those it made before. */
export async function launchFleet(
  client: EC2Client,
  clock: Clock,
  request: LaunchRequest,
): Promise<{ fleetId: string; launchTemplateId: string }> {
  const launchTemplateId = await retry((attempt) => createTemplate(client, request, attempt), {
    policy: { attempts: 4, baseMs: 1000, maxMs: 4000 },
    clock,
    retryable: (error) => error instanceof RunctlError && isEventualConsistency(error.cause),
  });
  // The fleet service learns of new templates and profiles a few seconds after the API that made them.
  const answer = await retry(() => client.send(createFleetCommand(request, launchTemplateId)), {
    policy: { attempts: 8, baseMs: 1000, maxMs: 15_000 },
    clock,
    retryable: isEventualConsistency,
  });
  if (answer.FleetId === undefined) {
    const first = answer.Errors?.[0];
    throw new RunctlError(
      'cloud-error',
      `EC2 made no fleet: ${first?.ErrorCode ?? 'no reason given'} ${first?.ErrorMessage ?? ''}`.trim(),
    );
  }
  return { fleetId: answer.FleetId, launchTemplateId };
}

async function createTemplate(client: EC2Client, request: LaunchRequest, attempt: number): Promise<string> {
  const data = await templateData(client, request);
  try {
    const { LaunchTemplate, Warning } = await client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: request.templateName,
        // The token of a template that was deleted again would stand for that one.
        ClientToken: `${request.clientToken}-t${attempt}`,
        LaunchTemplateData: data,
        TagSpecifications: [{ ResourceType: 'launch-template', Tags: tagsOf(request) }],
      }),
    );
    const launchTemplateId = required(LaunchTemplate?.LaunchTemplateId, 'launch template id');
    await refuseHopeless(client, launchTemplateId, Warning);
    return launchTemplateId;
  } catch (error) {
    if (awsCodeOf(error) !== 'InvalidLaunchTemplateName.AlreadyExistsException') throw error;
    const { LaunchTemplates } = await client.send(
      new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [request.templateName] }),
    );
    return required(LaunchTemplates?.[0]?.LaunchTemplateId, 'launch template id');
  }
}

/**
 * EC2 makes a template of which it knows that nothing can be launched from it, and only warns (EC2 API reference,
 * CreateLaunchTemplate, `warning`). What is plainly wrong is thrown, with the template deleted. A profile or group that was
 * made a moment ago looks wrong too, hence the caller's retries.
 */
async function refuseHopeless(client: EC2Client, id: string, warning: ValidationWarning | undefined): Promise<void> {
  for (const { Code, Message } of warning?.Errors ?? []) {
    const problem = { name: Code ?? 'unknown', message: Message ?? '' };
    const error = classifyAwsError(Object.assign(new Error(problem.message), problem), 'checking the launch template');
    if (error.code !== 'config-invalid') continue;
    await client.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: id }));
    throw error;
  }
}

async function templateData(client: EC2Client, request: LaunchRequest): Promise<RequestLaunchTemplateData> {
  const tags = tagsOf(request);
  return {
    ImageId: request.imageId,
    IamInstanceProfile: request.instanceProfile.startsWith('arn:')
      ? { Arn: request.instanceProfile }
      : { Name: request.instanceProfile },
    UserData: Buffer.from(request.userData).toString('base64'),
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpTokens: 'required',
      HttpEndpoint: 'enabled',
      HttpPutResponseHopLimit: 2,
      InstanceMetadataTags: 'enabled',
    },
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
    ...(request.securityGroupIds.length === 0 ? {} : { SecurityGroupIds: [...request.securityGroupIds] }),
    ...(request.rootVolumeGiB === null
      ? {}
      : { BlockDeviceMappings: [await rootDevice(client, request.imageId, request.rootVolumeGiB)] }),
  };
}

async function rootDevice(client: EC2Client, imageId: string, sizeGiB: number) {
  const { Images } = await client.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  const image = required(Images?.[0], `image ${imageId}`);
  const name = required(image.RootDeviceName, 'root device name');
  const snapshotGiB = image.BlockDeviceMappings?.find((device) => device.DeviceName === name)?.Ebs?.VolumeSize ?? 8;
  return {
    DeviceName: name,
    Ebs: { VolumeSize: Math.max(sizeGiB, snapshotGiB), VolumeType: 'gp3' as const, DeleteOnTermination: true },
  };
}

function createFleetCommand(request: LaunchRequest, launchTemplateId: string): CreateFleetCommand {
  const onDemand = request.market === 'on-demand';
  return new CreateFleetCommand({
    Type: 'maintain',
    ClientToken: request.clientToken,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: launchTemplateId, Version: '1' },
        Overrides: request.pools.map((pool) => ({
          InstanceType: pool.instanceType as _InstanceType,
          ...(pool.subnetId === null ? { AvailabilityZone: pool.zone } : { SubnetId: pool.subnetId }),
        })),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: request.nodes,
      OnDemandTargetCapacity: onDemand ? request.nodes : 0,
      SpotTargetCapacity: onDemand ? 0 : request.nodes,
      DefaultTargetCapacityType: request.market,
    },
    SpotOptions: { AllocationStrategy: 'price-capacity-optimized', InstanceInterruptionBehavior: 'terminate' },
    OnDemandOptions: { AllocationStrategy: 'lowest-price' },
    ExcessCapacityTerminationPolicy: 'termination',
    ReplaceUnhealthyInstances: !onDemand,
    ValidUntil: new Date(request.validUntilMs),
    TerminateInstancesWithExpiration: true,
    TagSpecifications: [{ ResourceType: 'fleet', Tags: tagsOf(request) }],
  });
}
