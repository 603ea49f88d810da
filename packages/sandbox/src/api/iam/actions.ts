import { AwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { InstanceProfile, Role } from '../../model/account/roles.ts';
import { checkTags, tagsByKey, type Tags } from '../../model/ec2/tags.ts';
import type { Parameters } from '../../wire/query-parameters.ts';
import type { XmlValue } from '../../wire/query-xml.ts';

/** Answers one call with the members of its result; null where the action has none. Throws AwsError. */
export type IamAction = (parameters: Parameters, compute: Compute) => Readonly<Record<string, XmlValue>> | null;

export const iamActions: Readonly<Record<string, IamAction>> = {
  GetRole: (parameters, compute) => ({ Role: roleView(roleOf(parameters, compute), compute) }),

  CreateRole: (parameters, compute) => {
    const role = compute.roles.createRole({
      name: nameIn(parameters, 'RoleName', 64),
      trustPolicy: parameters.required('AssumeRolePolicyDocument'),
      description: parameters.text('Description') ?? null,
      tags: tagsOf(parameters),
    });
    return { Role: roleView(role, compute) };
  },

  DeleteRole: (parameters, compute) => {
    compute.roles.deleteRole(roleOf(parameters, compute));
    return null;
  },

  TagRole: (parameters, compute) => {
    const { tags } = roleOf(parameters, compute);
    for (const [key, value] of tagsOf(parameters)) tags.set(key, value);
    return null;
  },

  GetRolePolicy: (parameters, compute) => {
    const { name, policies } = roleOf(parameters, compute);
    const policyName = parameters.required('PolicyName');
    const document = policies.get(policyName);
    if (document === undefined) throw noPolicy(policyName);
    return { RoleName: name, PolicyName: policyName, PolicyDocument: encodeURIComponent(document) };
  },

  PutRolePolicy: (parameters, compute) => {
    const name = nameIn(parameters, 'PolicyName', 128);
    compute.roles.putPolicy(roleOf(parameters, compute), name, parameters.required('PolicyDocument'));
    return null;
  },

  DeleteRolePolicy: (parameters, compute) => {
    const name = parameters.required('PolicyName');
    if (!roleOf(parameters, compute).policies.delete(name)) throw noPolicy(name);
    return null;
  },

  ListRolePolicies: (parameters, compute) => ({
    PolicyNames: { member: [...roleOf(parameters, compute).policies.keys()].toSorted() },
    IsTruncated: false,
  }),

  GetInstanceProfile: (parameters, compute) => ({
    InstanceProfile: profileView(profileOf(parameters, compute), compute),
  }),

  CreateInstanceProfile: (parameters, compute) => {
    const name = nameIn(parameters, 'InstanceProfileName', 128);
    return { InstanceProfile: profileView(compute.roles.createProfile(name, tagsOf(parameters)), compute) };
  },

  AddRoleToInstanceProfile: (parameters, compute) => {
    compute.roles.addRole(profileOf(parameters, compute), roleOf(parameters, compute));
    return null;
  },

  RemoveRoleFromInstanceProfile: (parameters, compute) => {
    compute.roles.removeRole(profileOf(parameters, compute), roleOf(parameters, compute));
    return null;
  },

  DeleteInstanceProfile: (parameters, compute) => {
    compute.roles.deleteProfile(profileOf(parameters, compute));
    return null;
  },

  CreateServiceLinkedRole: (parameters, compute) => ({
    Role: roleView(compute.roles.createLinkedRole(parameters.required('AWSServiceName')), compute),
  }),
};

function roleOf(parameters: Parameters, compute: Compute): Role {
  return compute.roles.role(parameters.required('RoleName'));
}

function profileOf(parameters: Parameters, compute: Compute): InstanceProfile {
  return compute.roles.profile(parameters.required('InstanceProfileName'));
}

function noPolicy(name: string): AwsError {
  return new AwsError('NoSuchEntity', `The role policy with name ${name} cannot be found.`);
}

function nameIn(parameters: Parameters, parameter: string, longest: number): string {
  const name = parameters.required(parameter);
  if (/^[\w+=,.@-]+$/.test(name) && name.length <= longest) return name;
  throw new AwsError('ValidationError', `The specified value for ${parameter} is invalid.`);
}

/** `Tags.member.N.Key` and `.Value`. */
function tagsOf(parameters: Parameters): Tags {
  const members = parameters.structure('Tags').structures('member');
  const tags = tagsByKey(members.map((tag) => [tag.required('Key'), tag.text('Value') ?? '']));
  checkTags(tags);
  return tags;
}

function tagMembers(tags: Tags): XmlValue {
  if (tags.size === 0) return undefined;
  return { member: [...tags].map(([Key, Value]) => ({ Key, Value })) };
}

function roleView(role: Role, compute: Compute): XmlValue {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: `arn:aws:iam::${compute.accountId}:role${role.path}${role.name}`,
    CreateDate: new Date(role.createdAtMs),
    AssumeRolePolicyDocument: encodeURIComponent(role.trustPolicy),
    Description: role.description,
    MaxSessionDuration: 3600,
    Tags: tagMembers(role.tags),
  };
}

function profileView(profile: InstanceProfile, compute: Compute): XmlValue {
  return {
    Path: '/',
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.id,
    Arn: `arn:aws:iam::${compute.accountId}:instance-profile/${profile.name}`,
    CreateDate: new Date(profile.createdAtMs),
    Roles: { member: profile.role === null ? [] : [roleView(profile.role, compute)] },
    Tags: tagMembers(profile.tags),
  };
}
