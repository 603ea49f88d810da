import { partitionOf } from '@runctl/aws-wire';
import { policy, type PolicyDocument, type PolicyNames, type PolicyStatement } from './policies.ts';

/** What making an account ready takes, and taking it back; needed once. */
export function setupPolicy(names: PolicyNames): PolicyDocument {
  const { account, bucket, region } = names;
  const { name: partition } = partitionOf(region);
  return policy(
    ...ownMachineStatements(names),
    {
      Sid: 'ServiceLinkedRoles',
      Effect: 'Allow',
      Action: ['iam:CreateServiceLinkedRole', 'iam:GetRole'],
      Resource: `arn:${partition}:iam::${account}:role/aws-service-role/*`,
    },
    {
      Sid: 'Bucket',
      Effect: 'Allow',
      Action: [
        's3:CreateBucket',
        's3:DeleteBucket',
        's3:GetBucketLocation',
        's3:GetBucketPublicAccessBlock',
        's3:GetBucketTagging',
        's3:GetLifecycleConfiguration',
        's3:PutBucketPublicAccessBlock',
        's3:PutBucketTagging',
        's3:PutEncryptionConfiguration',
        's3:PutLifecycleConfiguration',
      ],
      Resource: `arn:${partition}:s3:::${bucket}`,
    },
    {
      Sid: 'Look',
      Effect: 'Allow',
      Action: [
        'ec2:DescribeFleets',
        'ec2:DescribeImages',
        'ec2:DescribeInstances',
        'ec2:DescribeInstanceTypes',
        'ec2:RunInstances',
        'ssm:GetParameter',
        'sts:GetCallerIdentity',
      ],
      Resource: '*',
    },
  );
}

function ownMachineStatements({ account, role, region }: PolicyNames): readonly PolicyStatement[] {
  const { name: partition } = partitionOf(region);
  return [
    {
      Sid: 'Network',
      Effect: 'Allow',
      Action: [
        'ec2:CreateSecurityGroup',
        'ec2:CreateTags',
        'ec2:DeleteSecurityGroup',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcs',
      ],
      Resource: '*',
    },
    {
      Sid: 'Role',
      Effect: 'Allow',
      Action: [
        'iam:AddRoleToInstanceProfile',
        'iam:CreateInstanceProfile',
        'iam:CreateRole',
        'iam:DeleteInstanceProfile',
        'iam:DeleteRole',
        'iam:DeleteRolePolicy',
        'iam:GetInstanceProfile',
        'iam:GetRole',
        'iam:GetRolePolicy',
        'iam:ListRolePolicies',
        'iam:PassRole',
        'iam:PutRolePolicy',
        'iam:RemoveRoleFromInstanceProfile',
        'iam:TagInstanceProfile',
        'iam:TagRole',
      ],
      Resource: [
        `arn:${partition}:iam::${account}:role/${role}`,
        `arn:${partition}:iam::${account}:instance-profile/${role}`,
      ],
    },
  ];
}
