import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DeleteFleetsCommand,
  RunInstancesCommand,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import { messageOf } from '@runctl/core';
import { awsCodeOf, classifyAwsError } from '../api/classify.ts';
import type { AwsClients } from '../api/clients.ts';
import { TAG } from '../api/tags.ts';
import type { AccountFinding, Offer } from '../../port/index.ts';
import { findingOf, ok, problem, untold } from './finding.ts';

/** What a dry run asks with: places, image and role as a launch would use them. */
interface DryRunSubject {
  readonly offer: Offer;
  readonly imageId: string;
  readonly instanceProfile: string;
  readonly subnets: Readonly<Record<string, string>>;
  readonly securityGroupIds: readonly string[];
}

const Tags = [{ Key: TAG.managed, Value: 'true' }];
/** No fleet has this id: a dry run that is none (some models of EC2) has nothing to delete. */
const NO_FLEET = 'fleet-00000000-0000-0000-0000-000000000000';

/** Whether the rights suffice for each call by which a launch makes and ends something. Makes nothing. */
export function dryRuns({ launching }: AwsClients, subject: DryRunSubject): Promise<readonly AccountFinding[]> {
  const runs: readonly (readonly [action: string, run: Promise<unknown>])[] = [
    ['RunInstances', launching.send(runInstances(subject))],
    ['CreateLaunchTemplate', launching.send(createTemplate(subject))],
    ['CreateFleet', launching.send(createFleet(subject))],
    [
      'DeleteFleets',
      launching.send(new DeleteFleetsCommand({ DryRun: true, FleetIds: [NO_FLEET], TerminateInstances: true })),
    ],
  ];
  return Promise.all(runs.map(async ([action, run]) => judgeDryRun(action, await outcomeOf(run))));
}

/** The error with which the dry run was answered; null where it was answered as a real call. */
async function outcomeOf(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
    return null;
  } catch (error) {
    return error;
  }
}

/** What EC2's answer to a dry run says (EC2 API reference, `DryRun`; the condition on tags needs a fleet that has them). */
export function judgeDryRun(action: string, error: unknown): AccountFinding {
  const subject = `right to ${action}`;
  const code = awsCodeOf(error);
  if (code === 'DryRunOperation') return ok(subject, 'granted');
  if (code === 'UnauthorizedOperation') {
    const fix = `grant ec2:${action} as docs/aws-account.md has it; it may also be refused for a role that may not be passed, or by a rule of the organisation`;
    if (action === 'DeleteFleets')
      return untold(subject, 'not told without a fleet: the right is bound to the tags of one', fix);
    return problem(subject, classifyAwsError(error, 'refused').message, { code: 'access-denied', fix });
  }
  if (error === null) return untold(subject, 'this endpoint does not know dry runs');
  if (code?.startsWith('InvalidLaunchTemplate') === true)
    return untold(subject, 'not told without a launch template, which only a launch makes');
  const failed = findingOf(subject, error);
  return untold(subject, `not told: ${code === null ? messageOf(error) : failed.text}`, failed.fix);
}

function profileOf({ instanceProfile }: DryRunSubject) {
  return instanceProfile.startsWith('arn:') ? { Arn: instanceProfile } : { Name: instanceProfile };
}

function runInstances(subject: DryRunSubject): RunInstancesCommand {
  const { offer, imageId, subnets, securityGroupIds } = subject;
  const subnet = subnets[offer.location];
  return new RunInstancesCommand({
    DryRun: true,
    MinCount: 1,
    MaxCount: 1,
    ImageId: imageId,
    InstanceType: offer.machineType as _InstanceType,
    IamInstanceProfile: profileOf(subject),
    MetadataOptions: { HttpTokens: 'required' },
    ...(subnet === undefined ? { Placement: { AvailabilityZone: offer.location } } : { SubnetId: subnet }),
    ...(securityGroupIds.length === 0 ? {} : { SecurityGroupIds: [...securityGroupIds] }),
    ...(offer.market === 'spot' ? { InstanceMarketOptions: { MarketType: 'spot' as const } } : {}),
    TagSpecifications: [
      { ResourceType: 'instance', Tags },
      { ResourceType: 'volume', Tags },
    ],
  });
}

function createTemplate({ offer, imageId }: DryRunSubject): CreateLaunchTemplateCommand {
  return new CreateLaunchTemplateCommand({
    DryRun: true,
    LaunchTemplateName: `runctl-dry-run-${offer.location}`,
    LaunchTemplateData: { ImageId: imageId },
    TagSpecifications: [{ ResourceType: 'launch-template', Tags }],
  });
}

function createFleet({ offer }: DryRunSubject): CreateFleetCommand {
  return new CreateFleetCommand({
    DryRun: true,
    Type: 'maintain',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: 'lt-00000000000000000', Version: '1' },
        Overrides: [{ InstanceType: offer.machineType as _InstanceType, AvailabilityZone: offer.location }],
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: 1,
      DefaultTargetCapacityType: offer.market === 'spot' ? 'spot' : 'on-demand',
    },
    TagSpecifications: [{ ResourceType: 'fleet', Tags }],
  });
}
