import type { Route, RouteTable, Subnet, VpcEndpoint } from '@aws-sdk/client-ec2';

/**
 * Whether a machine of a subnet reaches S3 and EC2. `unknown`: its route leads to something that can't be followed from
 * here. `text` is a clause about the subnet for people.
 */
export interface SubnetWayOut {
  readonly verdict: 'open' | 'closed' | 'unknown';
  readonly text: string;
}

export interface VpcRoutes {
  readonly routeTables: readonly RouteTable[];
  readonly endpoints: readonly VpcEndpoint[];
}

const EVERYWHERE = '0.0.0.0/0';

/**
 * Decides by the subnet's route table, its addresses and the endpoints of its VPC, as the VPC user guide has them ("Route
 * table concepts", "Gateway endpoints", "Enable internet access"). What filters packets on the way is not looked at.
 */
export function wayOutOf(subnet: Subnet, { routeTables, endpoints }: VpcRoutes): SubnetWayOut {
  const table = routeTableOf(subnet, routeTables);
  if (table === null) return { verdict: 'unknown', text: 'has no route table that could be read' };
  const routes = table.Routes ?? [];
  const everywhere = routes.find((route) => route.DestinationCidrBlock === EVERYWHERE);
  const way = everywhere === undefined ? NO_ROUTE : byDefaultRoute(everywhere, subnet);
  if (way.verdict !== 'closed') return way;
  const services = servicesOf(subnet, table, endpoints);
  if (reachesAll(services.sure)) return OPEN;
  // A route to a part of the world, or for IPv6 alone, may be the part in which the services are.
  const other = routes.find((route) => route !== everywhere && isUsable(route));
  if (other !== undefined)
    return {
      verdict: 'unknown',
      text: `${way.text}; whether ${routeText(other)} leads to S3 and EC2 can't be seen from here`,
    };
  if (reachesAll(new Set([...services.sure, ...services.unsure])))
    return {
      verdict: 'unknown',
      text: `${way.text}, and endpoints without private DNS names: whether those of S3 and EC2 lead to them can't be seen from here`,
    };
  if (everywhere !== undefined) return way;
  if (services.sure.size === 0) return { verdict: 'closed', text: 'has no route out and no endpoints for S3 and EC2' };
  const [has, lacks] = services.sure.has('s3') ? ['S3', 'EC2'] : ['EC2', 'S3'];
  return { verdict: 'closed', text: `has no route out, and an endpoint for ${has} but none for ${lacks}` };
}

const NO_ROUTE: SubnetWayOut = { verdict: 'closed', text: 'has no default route' };
const OPEN: SubnetWayOut = { verdict: 'open', text: 'reaches S3 and EC2' };

/** The subnet's own, else the main one of its VPC. */
function routeTableOf({ SubnetId, VpcId }: Subnet, tables: readonly RouteTable[]): RouteTable | null {
  const own = tables.find(({ Associations = [] }) => Associations.some((other) => other.SubnetId === SubnetId));
  const main = tables.find(
    (table) => table.VpcId === VpcId && table.Associations?.some(({ Main }) => Main === true) === true,
  );
  return own ?? main ?? null;
}

function byDefaultRoute(route: Route, { MapPublicIpOnLaunch }: Subnet): SubnetWayOut {
  if (route.State === 'blackhole')
    return { verdict: 'closed', text: `has a default route to ${goalOf(route)}, which is not there any more` };
  if (route.NatGatewayId !== undefined) return OPEN;
  if (route.GatewayId?.startsWith('igw-') !== true)
    return { verdict: 'unknown', text: `has its default route to ${goalOf(route)}, which can't be followed from here` };
  if (MapPublicIpOnLaunch === true) return OPEN;
  return { verdict: 'closed', text: `leads to ${route.GatewayId}, but gives its machines no public address` };
}

function goalOf(route: Route): string {
  return (
    [
      route.NatGatewayId,
      route.TransitGatewayId,
      route.VpcPeeringConnectionId,
      route.NetworkInterfaceId,
      route.InstanceId,
      route.EgressOnlyInternetGatewayId,
      route.CarrierGatewayId,
      route.LocalGatewayId,
      route.CoreNetworkArn,
      route.GatewayId,
    ].find((id) => id !== undefined) ?? 'something without an id'
  );
}

function routeText(route: Route): string {
  const to =
    route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId ?? 'part of it';
  return `a route for ${to} to ${goalOf(route)}`;
}

/** Leads somewhere beyond the VPC; what endpoints bring is told by the endpoints themselves. */
function isUsable({ GatewayId = '', State }: Route): boolean {
  return State !== 'blackhole' && GatewayId !== 'local' && !GatewayId.startsWith('vpce-');
}

type Service = 's3' | 'ec2';

const reachesAll = (services: ReadonlySet<Service>): boolean => services.size === 2;

/**
 * Services that endpoints bring to the machines of a subnet. `unsure`: by an endpoint that leaves the service's names as they
 * are, which a private zone or a resolver rule may lead to it.
 */
function servicesOf(
  { VpcId }: Subnet,
  table: RouteTable,
  endpoints: readonly VpcEndpoint[],
): Readonly<Record<'sure' | 'unsure', Set<Service>>> {
  const services = { sure: new Set<Service>(), unsure: new Set<Service>() };
  for (const endpoint of endpoints) {
    const service = serviceOf(endpoint);
    if (service === null || endpoint.VpcId !== VpcId || endpoint.State?.toLowerCase() !== 'available') continue;
    if (endpoint.VpcEndpointType !== 'Gateway')
      services[endpoint.PrivateDnsEnabled === true ? 'sure' : 'unsure'].add(service);
    else if (endpoint.RouteTableIds?.includes(table.RouteTableId ?? '') === true) services.sure.add(service);
  }
  return services;
}

/** `com.amazonaws.us-east-1.s3`, `com.amazonaws.us-east-1.ec2`; in other partitions with another beginning. */
function serviceOf({ ServiceName = '' }: VpcEndpoint): Service | null {
  const last = ServiceName.split('.').at(-1);
  return last === 's3' || last === 'ec2' ? last : null;
}
