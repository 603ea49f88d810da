import { vpc, zones } from '../../model/ec2/catalog.ts';
import type { Zone } from '../../model/ec2/catalog.ts';
import type { WayOut } from '../../model/ec2/network.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged } from './filters.ts';

const MAIN_TABLE = 'rtb-0123456789abcdef0';

interface RouteTable {
  readonly id: string;
  readonly way: WayOut;
  /** Null: the VPC's main table, which every subnet without one of its own uses. */
  readonly zone: Zone | null;
}

interface Endpoint {
  readonly id: string;
  readonly service: 's3' | 'ec2';
  readonly zone: Zone;
}

const tableFilters = ['association.main', 'association.subnet-id', 'route-table-id', 'vpc-id'];
const endpointFilters = ['service-name', 'vpc-endpoint-id', 'vpc-endpoint-state', 'vpc-endpoint-type', 'vpc-id'];

/** Route tables and endpoints of the one VPC, as the ways out of its subnets have them. */
export const routeActions: Readonly<Record<string, Action>> = {
  DescribeRouteTables: (call) => {
    checkFilters(call.parameters, tableFilters);
    const asked = call.parameters.texts('RouteTableId');
    const tables = tablesOf(call).filter(({ id }) => asked.length === 0 || asked.includes(id));
    const matching = filtered(call.parameters, tables, (table) => (name) => tableValues(table)[name] ?? []);
    const { items, nextToken } = paged(call.parameters, matching);
    return { routeTableSet: items.map((table) => tableView(call, table)), nextToken };
  },

  DescribeVpcEndpoints: (call) => {
    checkFilters(call.parameters, endpointFilters);
    const asked = call.parameters.texts('VpcEndpointId');
    const endpoints = endpointsOf(call).filter(({ id }) => asked.length === 0 || asked.includes(id));
    const valuesOf = (endpoint: Endpoint) => (name: string) => endpointValues(call, endpoint)[name] ?? [];
    const matching = filtered(call.parameters, endpoints, valuesOf);
    const { items, nextToken } = paged(call.parameters, matching);
    return { vpcEndpointSet: items.map((endpoint) => endpointView(call, endpoint)), nextToken };
  },
};

function tablesOf({ compute: { network } }: Ec2Call): RouteTable[] {
  const own = zones
    .map((zone): RouteTable => ({ id: idOf('rtb', zone), way: network.wayOutOf(zone), zone }))
    .filter(({ way }) => !way.startsWith('internet-gateway'));
  return [{ id: MAIN_TABLE, way: 'internet-gateway', zone: null }, ...own];
}

/** A subnet's id says its zone, and so do those of what belongs to it. */
function idOf(prefix: string, { subnetId }: Zone): string {
  return subnetId.replace('subnet', prefix);
}

function tableValues({ id, zone }: RouteTable): Readonly<Record<string, readonly string[]>> {
  return {
    'route-table-id': [id],
    'vpc-id': [vpc.id],
    'association.main': [String(zone === null)],
    'association.subnet-id': zone === null ? [] : [zone.subnetId],
  };
}

function tableView(call: Ec2Call, { id, way, zone }: RouteTable): XmlValue {
  return {
    routeTableId: id,
    vpcId: vpc.id,
    ownerId: call.compute.accountId,
    routeSet: routesOf(way),
    associationSet: [
      {
        routeTableAssociationId: id.replace('rtb-', 'rtbassoc-'),
        routeTableId: id,
        subnetId: zone?.subnetId,
        main: zone === null,
        associationState: { state: 'associated' },
      },
    ],
    propagatingVgwSet: [],
    tagSet: [],
  };
}

const EVERYWHERE = { destinationCidrBlock: '0.0.0.0/0', state: 'active', origin: 'CreateRoute' };

/** The route besides the local one; null where there is none. */
const ROUTES: Readonly<Record<WayOut, XmlValue>> = {
  'internet-gateway': { ...EVERYWHERE, gatewayId: 'igw-0123456789abcdef0' },
  'internet-gateway-without-addresses': { ...EVERYWHERE, gatewayId: 'igw-0123456789abcdef0' },
  'nat-gateway': { ...EVERYWHERE, natGatewayId: 'nat-0123456789abcdef0' },
  'deleted-nat-gateway': { ...EVERYWHERE, natGatewayId: 'nat-0123456789abcdef1', state: 'blackhole' },
  'transit-gateway': { ...EVERYWHERE, transitGatewayId: 'tgw-0123456789abcdef0' },
  endpoints: {
    destinationPrefixListId: 'pl-63a5400a',
    gatewayId: 'vpce-0123456789abcdef0',
    state: 'active',
    origin: 'CreateRoute',
  },
  none: null,
};

function routesOf(way: WayOut): XmlValue[] {
  const local = {
    destinationCidrBlock: vpc.cidrBlock,
    gatewayId: 'local',
    state: 'active',
    origin: 'CreateRouteTable',
  };
  return ROUTES[way] === null ? [local] : [local, ROUTES[way]];
}

function endpointsOf({ compute: { network } }: Ec2Call): Endpoint[] {
  return zones
    .filter((zone) => network.wayOutOf(zone) === 'endpoints')
    .flatMap((zone): Endpoint[] => [
      { id: idOf('vpce', zone), service: 's3', zone },
      { id: idOf('vpce', zone).replace('-0', '-1'), service: 'ec2', zone },
    ]);
}

function serviceName({ compute }: Ec2Call, { service }: Endpoint): string {
  return `com.amazonaws.${compute.region}.${service}`;
}

function endpointValues(call: Ec2Call, endpoint: Endpoint): Readonly<Record<string, readonly string[]>> {
  return {
    'service-name': [serviceName(call, endpoint)],
    'vpc-endpoint-id': [endpoint.id],
    'vpc-endpoint-state': ['available'],
    'vpc-endpoint-type': [typeOf(endpoint)],
    'vpc-id': [vpc.id],
  };
}

/** S3 has a gateway, which stands in route tables; EC2 an interface, which stands in subnets. */
function typeOf({ service }: Endpoint): string {
  return service === 's3' ? 'Gateway' : 'Interface';
}

function endpointView(call: Ec2Call, endpoint: Endpoint): XmlValue {
  const isGateway = endpoint.service === 's3';
  return {
    vpcEndpointId: endpoint.id,
    vpcEndpointType: typeOf(endpoint),
    vpcId: vpc.id,
    ownerId: call.compute.accountId,
    serviceName: serviceName(call, endpoint),
    // In small letters on the wire, whatever the model's list says (API reference, DescribeVpcEndpoints, its example).
    state: 'available',
    routeTableIdSet: isGateway ? [idOf('rtb', endpoint.zone)] : [],
    subnetIdSet: isGateway ? [] : [endpoint.zone.subnetId],
    privateDnsEnabled: !isGateway,
    requesterManaged: false,
    tagSet: [],
  };
}
