import {
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { required } from '@runctl/core';
import { awsCodeOf } from '../api/classify.ts';
import { tagValue } from '../api/tags.ts';
import { MADE_BY, NOT_OURS, changed, type Resource } from './resource.ts';
import { policyNamesOf, type RoleRights } from './rights.ts';

const NAME = 'runctl';
const DESCRIPTION = 'Machines of runctl: nothing comes in';

interface GroupPlace {
  readonly subnets: readonly string[];
  /** Ids of the groups that the configuration names. */
  readonly named: readonly string[];
  readonly region: string;
  readonly rights: Pick<RoleRights, 'others'>;
}

export interface GroupResource extends Resource {
  /** Id that the configuration should name; null where it names groups that exist, and where there is none. */
  idToConfigure(): Promise<string | null>;
}

/** A group with no way in, in the VPC of the first named subnet, else in the default VPC. */
export function groupResource(client: EC2Client, { subnets, named, region, rights }: GroupPlace): GroupResource {
  const kind = 'security group';
  const shared = { kind, name: NAME };
  const find = async (): Promise<{ readonly vpcId: string | null; readonly group: SecurityGroup | null }> => {
    const vpcId = await vpcOf(client, subnets);
    return { vpcId, group: vpcId === null ? null : await findGroup(client, vpcId) };
  };
  const isOurs = (group: SecurityGroup): boolean => tagValue(group.Tags, MADE_BY.key) === MADE_BY.value;
  return {
    kind,
    idToConfigure: async () =>
      (await existing(client, named)).length > 0 ? null : ((await find()).group?.GroupId ?? null),
    look: async () => {
      const [{ vpcId, group }, configured] = await Promise.all([find(), existing(client, named)]);
      if (group === null && configured.length > 0)
        return { ...shared, state: 'left-out', ours: false, note: `the configuration names ${configured.join(', ')}` };
      if (vpcId === null)
        return {
          ...shared,
          state: 'left-out',
          ours: false,
          note: 'this region has no default VPC: name subnets of yours with --subnet, and a group of their VPC with --security-group',
        };
      if (group === null) return { ...shared, state: 'missing', ours: false, note: `nothing comes in, in ${vpcId}` };
      const open = (group.IpPermissions ?? []).length > 0;
      const note = open ? `${group.GroupId} lets something in, and stays as it is` : (group.GroupId ?? null);
      return { ...shared, state: 'there', ours: isOurs(group), note };
    },
    make: async () => {
      const { vpcId } = await find();
      const made = await client.send(
        new CreateSecurityGroupCommand({
          GroupName: NAME,
          Description: DESCRIPTION,
          VpcId: required(vpcId, 'VPC'),
          TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: MADE_BY.key, Value: MADE_BY.value }] }],
        }),
      );
      return changed(shared, 'made', made.GroupId ?? null);
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      if ((await rights.others()).some((name) => name.startsWith(policyNamesOf({ region }))))
        return changed(shared, 'kept', 'another bucket or prefix of this region was made ready, too');
      const { group } = await find();
      try {
        await client.send(new DeleteSecurityGroupCommand({ GroupId: group?.GroupId }));
        return changed(shared, 'removed');
      } catch (error) {
        if (awsCodeOf(error) !== 'DependencyViolation') throw error;
        return changed(shared, 'kept', 'machines still use it');
      }
    },
  };
}

/** Those that exist here: a group that was removed, or is of another region, holds nothing back. */
async function existing(client: EC2Client, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const Filters = [{ Name: 'group-id', Values: [...ids] }];
  const { SecurityGroups = [] } = await client.send(new DescribeSecurityGroupsCommand({ Filters }));
  return SecurityGroups.map(({ GroupId }) => required(GroupId, 'group id'));
}

async function vpcOf(client: EC2Client, subnets: readonly string[]): Promise<string | null> {
  const [first] = subnets;
  if (first !== undefined) {
    const { Subnets } = await client.send(new DescribeSubnetsCommand({ SubnetIds: [first] }));
    return Subnets?.[0]?.VpcId ?? null;
  }
  const Filters = [{ Name: 'is-default', Values: ['true'] }];
  return (await client.send(new DescribeVpcsCommand({ Filters }))).Vpcs?.[0]?.VpcId ?? null;
}

async function findGroup(client: EC2Client, vpcId: string): Promise<SecurityGroup | null> {
  const Filters = [
    { Name: 'vpc-id', Values: [vpcId] },
    { Name: 'group-name', Values: [NAME] },
  ];
  return (await client.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups?.[0] ?? null;
}
