import { partitionOf } from '@runctl/aws-wire';

/** Whose policies: names that stand in them. */
export interface PolicyNames {
  /** Number of the account. */
  readonly account: string;
  readonly bucket: string;
  /** Of runs in the bucket: ends with `/`, or is empty. */
  readonly prefix: string;
  /** Name of the role of machines. */
  readonly role: string;
  readonly region: string;
}

export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: Readonly<Record<string, string>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

const OURS = { StringEquals: { 'aws:ResourceTag/runctl:managed': 'true' } } as const;
const OBJECT_RIGHTS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
] as const;

const READ_RIGHTS = [
  'ec2:DescribeFleetHistory',
  'ec2:DescribeFleets',
  'ec2:DescribeImages',
  'ec2:DescribeInstances',
  'ec2:DescribeInstanceTypeOfferings',
  'ec2:DescribeInstanceTypes',
  'ec2:DescribeLaunchTemplates',
  'ec2:DescribeRouteTables',
  'ec2:DescribeSpotPriceHistory',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcEndpoints',
  'pricing:GetProducts',
  'servicequotas:ListServiceQuotas',
  'ssm:GetCommandInvocation',
  'sts:DecodeAuthorizationMessage',
  'sts:GetCallerIdentity',
] as const;

export const policy = (...Statement: readonly PolicyStatement[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement,
});

/** EC2's name as a service, which is one everywhere but in China (AWS in China, "IAM"). */
const EC2 = 'ec2.amazonaws.com';
const EC2_IN_CHINA = 'ec2.amazonaws.com.cn';

/** Machines of EC2 may take the role. */
export function trustPolicy({ region }: Pick<PolicyNames, 'region'>): PolicyDocument {
  const Service = partitionOf(region).name === 'aws-cn' ? EC2_IN_CHINA : EC2;
  return policy({ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' });
}

/** What a machine may: reach the runs under its prefix, and end fleets that are tagged as ours. */
export function instancePolicy({ account, bucket, prefix, region }: PolicyNames): PolicyDocument {
  const { name: partition } = partitionOf(region);
  const root = `arn:${partition}:s3:::${bucket}`;
  return policy(
    { Effect: 'Allow', Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'], Resource: root },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: [`${root}/${prefix}tools/*`, `${root}/${prefix}code/*`] },
    { Effect: 'Allow', Action: OBJECT_RIGHTS, Resource: `${root}/${prefix}runs/*` },
    {
      Effect: 'Allow',
      Action: 'ec2:DeleteFleets',
      Resource: `arn:${partition}:ec2:*:${account}:fleet/*`,
      Condition: OURS,
    },
  );
}

/** What the person (or the CI) needs that launches, watches and ends runs. */
export function userPolicy(names: PolicyNames): PolicyDocument {
  const { account, bucket, role, region } = names;
  const { name: partition } = partitionOf(region);
  const root = `arn:${partition}:s3:::${bucket}`;
  return policy(
    {
      Sid: 'Look',
      Effect: 'Allow',
      Action: READ_RIGHTS,
      Resource: '*',
    },
    {
      Sid: 'LookAtRoles',
      Effect: 'Allow',
      Action: ['iam:GetInstanceProfile', 'iam:GetRole'],
      Resource: [
        `arn:${partition}:iam::${account}:instance-profile/${role}`,
        `arn:${partition}:iam::${account}:role/aws-service-role/*`,
      ],
    },
    {
      Sid: 'PublicImageParameters',
      Effect: 'Allow',
      Action: 'ssm:GetParameter',
      Resource: `arn:${partition}:ssm:*::parameter/aws/service/*`,
    },
    ...launchStatements(names),
    {
      Sid: 'AskItsInstances',
      Effect: 'Allow',
      Action: 'ssm:SendCommand',
      Resource: `arn:${partition}:ec2:*:${account}:instance/*`,
      Condition: OURS,
    },
    {
      Sid: 'AskWithThisDocument',
      Effect: 'Allow',
      Action: 'ssm:SendCommand',
      Resource: `arn:${partition}:ssm:*::document/AWS-RunShellScript`,
    },
    {
      Sid: 'Bucket',
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads', 's3:GetLifecycleConfiguration'],
      Resource: root,
    },
    { Sid: 'Objects', Effect: 'Allow', Action: OBJECT_RIGHTS, Resource: `${root}/*` },
  );
}

function launchStatements({ account, role, region }: PolicyNames): readonly PolicyStatement[] {
  const { name: partition } = partitionOf(region);
  return [
    {
      Sid: 'Launch',
      Effect: 'Allow',
      Action: ['ec2:CreateLaunchTemplate', 'ec2:CreateFleet', 'ec2:RunInstances'],
      Resource: '*',
    },
    {
      Sid: 'TagWhatIsMade',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: `arn:${partition}:ec2:*:*:*/*`,
      Condition: { StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'CreateLaunchTemplate', 'RunInstances'] } },
    },
    {
      Sid: 'ChangeAndEndItsOwn',
      Effect: 'Allow',
      Action: ['ec2:DeleteFleets', 'ec2:DeleteLaunchTemplate', 'ec2:ModifyFleet', 'ec2:TerminateInstances'],
      Resource: '*',
      Condition: OURS,
    },
    {
      Sid: 'GiveTheInstanceItsRole',
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource: `arn:${partition}:iam::${account}:role/${role}`,
      Condition: { StringEquals: { 'iam:PassedToService': partition === 'aws-cn' ? [EC2, EC2_IN_CHINA] : EC2 } },
    },
  ];
}
