import { AwsError } from '../../model/aws-error.ts';
import { vpc, zones } from '../../model/ec2/catalog.ts';
import type { Zone } from '../../model/ec2/catalog.ts';
import { occupiesPool } from '../../model/ec2/instance.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged } from './filters.ts';

const vpcFilters = ['vpc-id', 'is-default', 'isDefault', 'state', 'cidr', 'cidr-block'];
const subnetFilters = [
  'availability-zone',
  'availabilityZone',
  'availability-zone-id',
  'default-for-az',
  'defaultForAz',
  'state',
  'subnet-id',
  'vpc-id',
];
const addressesOfSubnet = 4091;

/** One VPC with one subnet in each zone; the default VPC unless a setting says that there is none. */
export const networkActions: Readonly<Record<string, Action>> = {
  DescribeVpcs: (call) => {
    checkFilters(call.parameters, vpcFilters);
    checkIds(call, 'VpcId', { known: [vpc.id], code: 'InvalidVpcID.NotFound', kind: 'vpc ID' });
    const values: Readonly<Record<string, string>> = {
      'vpc-id': vpc.id,
      'is-default': isDefault(call),
      isDefault: isDefault(call),
      state: 'available',
      cidr: vpc.cidrBlock,
      'cidr-block': vpc.cidrBlock,
    };
    const matching = filtered(call.parameters, [vpc], () => (name) => one(values[name]));
    return { vpcSet: matching.map(() => vpcView(call)) };
  },

  DescribeSubnets: (call) => {
    checkFilters(call.parameters, subnetFilters);
    const known = zones.map(({ subnetId }) => subnetId);
    checkIds(call, 'SubnetId', { known, code: 'InvalidSubnetID.NotFound', kind: 'subnet ID' });
    const asked = call.parameters.texts('SubnetId');
    const chosen = zones.filter(({ subnetId }) => asked.length === 0 || asked.includes(subnetId));
    const matching = filtered(call.parameters, chosen, (zone) => (name) => one(subnetValues(call, zone)[name]));
    const { items, nextToken } = paged(call.parameters, matching);
    return { subnetSet: items.map((zone) => subnetView(call, zone)), nextToken };
  },
};

function isDefault(call: Ec2Call): string {
  return String(call.compute.settings.defaultVpc);
}

function one(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function checkIds(
  call: Ec2Call,
  parameter: string,
  of: { known: readonly string[]; code: string; kind: string },
): void {
  const unknown = call.parameters.texts(parameter).find((id) => !of.known.includes(id));
  if (unknown !== undefined) throw new AwsError(of.code, `The ${of.kind} '${unknown}' does not exist`);
}

function subnetValues(call: Ec2Call, zone: Zone): Readonly<Record<string, string>> {
  return {
    'availability-zone': zone.name,
    availabilityZone: zone.name,
    'availability-zone-id': zone.id,
    'default-for-az': isDefault(call),
    defaultForAz: isDefault(call),
    state: 'available',
    'subnet-id': zone.subnetId,
    'vpc-id': vpc.id,
  };
}

function vpcView(call: Ec2Call): XmlValue {
  return {
    vpcId: vpc.id,
    ownerId: call.compute.accountId,
    state: 'available',
    cidrBlock: vpc.cidrBlock,
    dhcpOptionsId: 'dopt-0123456789abcdef0',
    instanceTenancy: 'default',
    isDefault: call.compute.settings.defaultVpc,
    tagSet: [],
  };
}

function subnetView(call: Ec2Call, zone: Zone): XmlValue {
  const used = call.compute.instances
    .list()
    .filter((instance) => occupiesPool(instance) && instance.spec.zone.name === zone.name).length;
  return {
    subnetId: zone.subnetId,
    subnetArn: `arn:aws:ec2:${call.compute.region}:${call.compute.accountId}:subnet/${zone.subnetId}`,
    state: 'available',
    ownerId: call.compute.accountId,
    vpcId: vpc.id,
    cidrBlock: zone.cidrBlock,
    availableIpAddressCount: addressesOfSubnet - used,
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    defaultForAz: call.compute.settings.defaultVpc,
    mapPublicIpOnLaunch: call.compute.network.wayOutOf(zone) === 'internet-gateway',
    assignIpv6AddressOnCreation: false,
    tagSet: [],
  };
}
