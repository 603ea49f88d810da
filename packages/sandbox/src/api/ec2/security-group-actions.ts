import { AwsError } from '../../model/aws-error.ts';
import { defaultSecurityGroup, vpc } from '../../model/ec2/catalog.ts';
import { isAlive } from '../../model/ec2/instance.ts';
import type { SecurityGroup } from '../../model/ec2/security-groups.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { proceed, tagSet, tagSpecifications } from './action.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, tagFilter } from './filters.ts';

export const securityGroupActions: Readonly<Record<string, Action>> = {
  CreateSecurityGroup: (call) => {
    const { parameters, compute } = call;
    const name = parameters.required('GroupName');
    const description = parameters.required('GroupDescription');
    const vpcId = parameters.text('VpcId');
    if (vpcId !== undefined && vpcId !== vpc.id)
      throw new AwsError('InvalidVpcID.NotFound', `The vpc ID '${vpcId}' does not exist`);
    if (vpcId === undefined && !compute.settings.defaultVpc)
      throw new AwsError('VPCIdNotSpecified', 'No default VPC for this user');
    const tags = tagSpecifications(parameters, ['security-group']).get('security-group') ?? new Map<string, string>();
    compute.groups.checkName(name);
    proceed(call);
    const group = compute.groups.create(name, description, tags);
    return { groupId: group.id, tagSet: tagSet(tags) };
  },

  DeleteSecurityGroup: (call) => {
    const { parameters, compute } = call;
    const name = parameters.text('GroupName');
    const id = parameters.text('GroupId') ?? compute.groups.list().find((group) => group.name === name)?.id;
    const group = compute.groups.get(id ?? name ?? parameters.required('GroupId'));
    compute.groups.checkDeletable(group);
    if (compute.instances.list().some((each) => isAlive(each) && each.spec.securityGroupIds.includes(group.id)))
      throw new AwsError('DependencyViolation', `resource ${group.id} has a dependent object`);
    proceed(call);
    compute.groups.delete(group);
    return { return: true, groupId: group.id };
  },

  DescribeSecurityGroups: (call) => {
    const { parameters, compute } = call;
    checkFilters(parameters, ['group-id', 'group-name', 'vpc-id']);
    const named = parameters.texts('GroupId').map((id) => compute.groups.get(id));
    const byName = parameters.texts('GroupName').map((name) => {
      const found = compute.groups.list().find((group) => group.name === name);
      return found ?? compute.groups.get(name);
    });
    const chosen = [...named, ...byName];
    const all = chosen.length > 0 ? chosen : compute.groups.list();
    return { securityGroupInfo: filtered(parameters, all, groupFilter).map((group) => groupView(call, group)) };
  },
};

function groupFilter(group: SecurityGroup) {
  const values: Readonly<Record<string, string>> = {
    'group-id': group.id,
    'group-name': group.name,
    'vpc-id': vpc.id,
  };
  return (name: string) => {
    const value = values[name];
    return value === undefined ? tagFilter(name, group.tags) : [value];
  };
}

function groupView(call: Ec2Call, group: SecurityGroup): XmlValue {
  const everywhere = { ipProtocol: '-1', ipRanges: [{ cidrIp: '0.0.0.0/0' }] };
  const itself = { groupId: group.id, userId: call.compute.accountId };
  const isDefault = group.id === defaultSecurityGroup.id;
  return {
    ownerId: call.compute.accountId,
    groupId: group.id,
    groupName: group.name,
    groupDescription: group.description,
    vpcId: vpc.id,
    ipPermissions: isDefault ? [{ ipProtocol: '-1', groups: [itself] }] : [],
    ipPermissionsEgress: [everywhere],
    tagSet: tagSet(group.tags),
  };
}
