import { instancePolicy, trustPolicy, userPolicy, type PolicyDocument, type PolicyNames } from './policies.ts';
import { MADE_BY } from './resource.ts';
import { SERVICE_LINKED_ROLES } from '../examination/role.ts';

/** What `init --cloud` makes, as JSON for those who make it in another way. */
export function printed(form: 'iam' | 'cloudformation', names: PolicyNames): string {
  return JSON.stringify(form === 'iam' ? iamText(names) : template(names), null, 2);
}

function iamText(names: PolicyNames) {
  return {
    [names.role]: { AssumeRolePolicyDocument: trustPolicy(names), PolicyDocument: instancePolicy(names) },
    user: userPolicy(names),
    serviceLinkedRoles: SERVICE_LINKED_ROLES.map(({ service }) => service),
  };
}

/** Not the tag of `init`, which would remove what belongs to a stack. */
const TAGS = [{ Key: MADE_BY.key, Value: 'cloudformation' }];

/** A template of CloudFormation. The account's number is the pseudo parameter; service-linked roles are only made on request. */
function template(names: PolicyNames) {
  const wanted = (name: string): string => `Make${name}`;
  const linked = SERVICE_LINKED_ROLES.map(
    ({ name, service }) => [name.replace('AWSServiceRoleFor', ''), service] as const,
  );
  const Parameters = Object.fromEntries(
    linked.map(([name]) => [
      wanted(name),
      {
        Type: 'String',
        AllowedValues: ['yes', 'no'],
        Default: 'yes',
        Description: 'no where the account has the role already',
      },
    ]),
  );
  const Conditions = Object.fromEntries(
    linked.map(([name]) => [wanted(name), { 'Fn::Equals': [{ Ref: wanted(name) }, 'yes'] }]),
  );
  const linkedRoles = Object.fromEntries(
    linked.map(([name, AWSServiceName]) => [
      `${name}Role`,
      {
        Type: 'AWS::IAM::ServiceLinkedRole',
        Condition: wanted(name),
        DeletionPolicy: 'Retain',
        Properties: { AWSServiceName },
      },
    ]),
  );
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'What runctl needs in an account',
    Parameters,
    Conditions,
    Resources: { ...ownResources(names), ...linkedRoles },
    Outputs: {
      Bucket: { Value: { Ref: 'Bucket' } },
      InstanceProfile: { Value: { Ref: 'Profile' } },
      SecurityGroup: { Value: { 'Fn::GetAtt': ['Group', 'GroupId'] } },
    },
  };
}

function ownResources(names: PolicyNames) {
  const { bucket, role } = names;
  const BucketName = withAccount(bucket);
  const PolicyDocument = inTemplate(instancePolicy(names));
  return {
    Bucket: {
      Type: 'AWS::S3::Bucket',
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketName,
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        LifecycleConfiguration: {
          Rules: [
            {
              Id: 'abort-unfinished-uploads',
              Status: 'Enabled',
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
            },
          ],
        },
        Tags: TAGS,
      },
    },
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: role,
        AssumeRolePolicyDocument: trustPolicy(names),
        Policies: [{ PolicyName: 'runctl', PolicyDocument }],
        Tags: TAGS,
      },
    },
    Profile: {
      Type: 'AWS::IAM::InstanceProfile',
      Properties: { InstanceProfileName: role, Roles: [{ Ref: 'Role' }] },
    },
    Group: {
      Type: 'AWS::EC2::SecurityGroup',
      Properties: { GroupName: 'runctl', GroupDescription: 'Machines of runctl: nothing comes in', Tags: TAGS },
    },
  };
}

type Substituted = string | { readonly 'Fn::Sub': string };

function withAccount(text: string): Substituted {
  return text.includes('ACCOUNT') ? { 'Fn::Sub': text.replaceAll('ACCOUNT', '${AWS::AccountId}') } : text;
}

/** The account's number is filled in where the template is used. */
function inTemplate(document: PolicyDocument): unknown {
  const substituted = (value: unknown): unknown => {
    if (typeof value === 'string') return withAccount(value);
    if (Array.isArray(value)) return value.map(substituted);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, substituted(each)]));
  };
  return substituted(document);
}
