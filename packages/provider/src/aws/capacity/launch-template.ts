import {
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeLaunchTemplatesCommand,
  type DeleteLaunchTemplateCommandInput,
  type EC2Client,
  type RequestLaunchTemplateData,
  type ResourceType,
  type ValidationWarning,
} from '@aws-sdk/client-ec2';
import { RunctlError, required, retry, type Clock } from '@runctl/core';
import { awsCodeOf, classifyAwsError, isEventualConsistency } from '../api/classify.ts';
import type { FleetOrder } from './fleet-order.ts';

/** Makes the template of a launch, or finds the one that was made before, and returns its id. */
export function makeTemplate(client: EC2Client, clock: Clock, order: FleetOrder): Promise<string> {
  return retry((attempt) => createTemplate(client, order, attempt), {
    policy: { attempts: 4, baseMs: 1000, maxMs: 4000 },
    clock,
    retryable: (error) => error instanceof RunctlError && isEventualConsistency(error.cause),
  });
}

async function createTemplate(client: EC2Client, order: FleetOrder, attempt: number): Promise<string> {
  try {
    const { LaunchTemplate, Warning } = await client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: order.templateName,
        // The token of a template that was deleted again would stand for that one.
        ClientToken: `${order.token}-t${attempt}`,
        LaunchTemplateData: templateData(order),
        TagSpecifications: [{ ResourceType: 'launch-template', Tags: [...order.tags] }],
      }),
    );
    const launchTemplateId = required(LaunchTemplate?.LaunchTemplateId, 'launch template id');
    await refuseHopeless(client, launchTemplateId, Warning);
    return launchTemplateId;
  } catch (error) {
    if (awsCodeOf(error) !== 'InvalidLaunchTemplateName.AlreadyExistsException') throw error;
    const { LaunchTemplates } = await client.send(
      new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [order.templateName] }),
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

function templateData(order: FleetOrder): RequestLaunchTemplateData {
  const { target, tags, userData } = order;
  return {
    ImageId: target.imageId,
    IamInstanceProfile: target.instanceProfile.startsWith('arn:')
      ? { Arn: target.instanceProfile }
      : { Name: target.instanceProfile },
    UserData: Buffer.from(userData).toString('base64'),
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpTokens: 'required',
      HttpEndpoint: 'enabled',
      // Organisations forbid more, and nothing needs it: a container of ours uses the host's network.
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: 'enabled',
    },
    TagSpecifications: taggedResources(order).map((resource) => ({ ResourceType: resource, Tags: [...tags] })),
    ...(target.securityGroupIds.length === 0 ? {} : { SecurityGroupIds: [...target.securityGroupIds] }),
    ...(target.rootDisk === null ? {} : { BlockDeviceMappings: [rootDevice(target.rootDisk)] }),
  };
}

/**
 * What a template may tag. No network interface: the fleet's own role has no right to (AWSEC2FleetServiceRolePolicy). A spot
 * request only where nothing but spot is launched: EC2 refuses an on-demand launch whose template tags one ("You cannot specify
 * tags for Spot instances requests if there are no Spot instances requests being created by the request").
 */
function taggedResources({ market, mayChangeMarket }: FleetOrder): readonly ResourceType[] {
  return market === 'spot' && !mayChangeMarket
    ? ['instance', 'volume', 'spot-instances-request']
    : ['instance', 'volume'];
}

function rootDevice({ deviceName, sizeGiB }: { readonly deviceName: string; readonly sizeGiB: number }) {
  return {
    DeviceName: deviceName,
    Ebs: { VolumeSize: sizeGiB, VolumeType: 'gp3' as const, DeleteOnTermination: true },
  };
}

/** One that is gone already is done. */
export async function deleteTemplate(client: EC2Client, which: DeleteLaunchTemplateCommandInput): Promise<void> {
  try {
    await client.send(new DeleteLaunchTemplateCommand(which));
  } catch (error) {
    if (awsCodeOf(error)?.startsWith('InvalidLaunchTemplate') !== true) throw error;
  }
}
