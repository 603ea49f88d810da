import { DescribeSubnetsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { RunctlError } from '@runctl/core';

/**
 * The subnet of each zone that a launch may use: of the given subnets, else the default ones. Errors: `config-invalid` when
 * a launch that names none could go nowhere.
 */
export async function subnetsByZone(client: EC2Client, subnetIds: readonly string[]): Promise<Map<string, string>> {
  if (subnetIds.length === 0) return defaultSubnetsByZone(client);
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
  const byZone = new Map<string, string>();
  // A fleet cannot use two subnets of one zone (EC2 user guide, "EC2 Fleet limitations"): the first named wins.
  for (const id of subnetIds) {
    const zone = Subnets.find((subnet) => subnet.SubnetId === id)?.AvailabilityZone;
    if (zone !== undefined && !byZone.has(zone)) byZone.set(zone, id);
  }
  return byZone;
}

async function defaultSubnetsByZone(client: EC2Client): Promise<Map<string, string>> {
  const { Subnets = [] } = await client.send(
    new DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }),
  );
  if (Subnets.length === 0)
    throw new RunctlError('config-invalid', 'this account has no default VPC in this region, and no subnet is named', {
      hint: 'name subnets with --subnet or `subnets = ["subnet-…"]` in .runctl.toml; `aws ec2 describe-subnets` lists them',
    });
  return new Map(Subnets.map((subnet) => [subnet.AvailabilityZone ?? '', subnet.SubnetId ?? '']));
}
