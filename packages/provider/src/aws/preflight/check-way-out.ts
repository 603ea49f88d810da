import {
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
  type Subnet,
} from '@aws-sdk/client-ec2';
import type { ErrorCode } from '@runctl/core';
import type { PreflightFinding, Offer } from '../../port/index.ts';
import { classifyAwsError } from '../api/classify.ts';
import type { AwsTarget } from '../target/aws-target.ts';
import { wayOutOf, type VpcRoutes, type SubnetWayOut } from './way-out.ts';

const HINT =
  'name other subnets with --subnet, or give this one a NAT gateway, or an internet gateway with public addresses ' +
  '(`aws ec2 modify-subnet-attribute --map-public-ip-on-launch`), or endpoints for S3 and EC2';

/** Errors that end a launch whatever its subnets are. */
const NOBODY_CAN_ASK: ReadonlySet<ErrorCode> = new Set(['no-credentials', 'credentials-expired', 'cloud-unreachable']);

/**
 * Whether machines of the offers reach the bucket, and EC2, by which they end their launch: one finding for each way out.
 * A look that fails refuses nothing. Errors: `no-credentials`, `credentials-expired`, `cloud-unreachable`.
 */
export async function checkWayOut(
  client: EC2Client,
  target: Pick<AwsTarget, 'subnets'>,
  offers: readonly Offer[],
): Promise<readonly PreflightFinding[]> {
  const zones = [...new Set(offers.map(({ location }) => location))];
  try {
    const subnets = await subnetsOf(client, target, zones);
    if (subnets.length === 0) return [unknown(`EC2 shows no subnet in ${zones.join(', ')}`)];
    return findingsOf(await waysOf(client, subnets));
  } catch (error) {
    const problem = classifyAwsError(error, 'looking at the routes of the subnets');
    if (NOBODY_CAN_ASK.has(problem.code)) throw problem;
    return [
      unknown(problem.message, problem.code === 'access-denied' ? 'docs/aws-account.md has the rights to look' : null),
    ];
  }
}

function unknown(why: string, hint: string | null = null): PreflightFinding {
  const text = `whether machines will reach the bucket is not known: ${why}`;
  return { verdict: 'unknown', locations: null, text, hint };
}

/** Of each zone the subnet that its machines will be in. */
async function subnetsOf(
  client: EC2Client,
  { subnets }: Pick<AwsTarget, 'subnets'>,
  zones: readonly string[],
): Promise<readonly Subnet[]> {
  const named = zones.flatMap((zone) => subnets[zone] ?? []);
  const question =
    named.length > 0
      ? { SubnetIds: named }
      : {
          Filters: [
            { Name: 'default-for-az', Values: ['true'] },
            { Name: 'availability-zone', Values: [...zones] },
          ],
        };
  return (await client.send(new DescribeSubnetsCommand(question))).Subnets ?? [];
}

interface FoundWay {
  readonly subnet: Subnet;
  readonly way: SubnetWayOut;
}

/** Endpoints are asked for only where routes alone do not lead out. */
async function waysOf(client: EC2Client, subnets: readonly Subnet[]): Promise<readonly FoundWay[]> {
  const Filters = [{ Name: 'vpc-id', Values: [...new Set(subnets.flatMap(({ VpcId }) => VpcId ?? []))] }];
  const { RouteTables: routeTables = [] } = await client.send(new DescribeRouteTablesCommand({ Filters }));
  const by = (routes: VpcRoutes): FoundWay[] => subnets.map((subnet) => ({ subnet, way: wayOutOf(subnet, routes) }));
  const byRoutes = by({ routeTables, endpoints: [] });
  if (byRoutes.every(({ way }) => way.verdict === 'open')) return byRoutes;
  const { VpcEndpoints: endpoints = [] } = await client.send(new DescribeVpcEndpointsCommand({ Filters }));
  return by({ routeTables, endpoints });
}

const VERDICTS = { open: 'ok', closed: 'problem', unknown: 'unknown' } as const;

function findingsOf(found: readonly FoundWay[]): PreflightFinding[] {
  return found.map(({ subnet, way }) => ({
    verdict: VERDICTS[way.verdict],
    locations: [subnet.AvailabilityZone ?? ''],
    text: `the subnet ${subnet.SubnetId} of ${subnet.AvailabilityZone} ${way.text}`,
    hint: way.verdict === 'closed' ? HINT : null,
  }));
}
