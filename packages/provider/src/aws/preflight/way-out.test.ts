import type { Route, RouteTable, Subnet, VpcEndpoint } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { awsUnderTest } from '../testing/aws-under-test.ts';
import { wayOutOf, type SubnetWayOut } from './way-out.ts';

const subnet: Subnet = { SubnetId: 'subnet-1', VpcId: 'vpc-1', MapPublicIpOnLaunch: true };
const local: Route = { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', State: 'active' };
const everywhere = { DestinationCidrBlock: '0.0.0.0/0', State: 'active' } as const;
const main = (...routes: Route[]): RouteTable => ({
  RouteTableId: 'rtb-main',
  VpcId: 'vpc-1',
  Associations: [{ Main: true }],
  Routes: [local, ...routes],
});
const own = (...routes: Route[]): RouteTable => ({
  RouteTableId: 'rtb-own',
  VpcId: 'vpc-1',
  Associations: [{ SubnetId: 'subnet-1', Main: false }],
  Routes: [local, ...routes],
});
const gateway = (service: string, more: VpcEndpoint = {}): VpcEndpoint => ({
  VpcId: 'vpc-1',
  VpcEndpointType: 'Gateway',
  ServiceName: `com.amazonaws.us-east-1.${service}`,
  State: 'Available',
  RouteTableIds: ['rtb-own'],
  ...more,
});
const inside = (service: string, more: VpcEndpoint = {}): VpcEndpoint =>
  gateway(service, { VpcEndpointType: 'Interface', PrivateDnsEnabled: true, ...more });

const internet: Route = { ...everywhere, GatewayId: 'igw-1' };

describe('the way out of a subnet', () => {
  test.each<
    [what: string, SubnetWayOut['verdict'], RegExp, tables: RouteTable[], endpoints?: VpcEndpoint[], of?: Subnet]
  >([
    ['the main table leads to an internet gateway', 'open', /reaches/, [main(internet)]],
    [
      'its own table leads to a NAT gateway',
      'open',
      /reaches/,
      [main(), own({ ...everywhere, NatGatewayId: 'nat-1' })],
    ],
    ['endpoints for both and no route', 'open', /reaches/, [own()], [gateway('s3'), inside('ec2')]],
    ['both endpoints in subnets', 'open', /reaches/, [own()], [inside('s3'), inside('ec2')]],
    [
      'endpoints beside an internet gateway and no public address',
      'open',
      /reaches/,
      [own(internet)],
      [gateway('s3'), inside('ec2')],
      { ...subnet, MapPublicIpOnLaunch: false },
    ],
    ['its own table without a route wins over the main one', 'closed', /no route out/, [main(internet), own()]],
    [
      'the table of another subnet',
      'unknown',
      /no route table/,
      [{ ...own(internet), Associations: [{ SubnetId: 'subnet-2' }] }],
    ],
    ['the main table of another VPC', 'unknown', /no route table/, [{ ...main(internet), VpcId: 'vpc-2' }]],
    [
      'an internet gateway and no public address',
      'closed',
      /igw-1, but gives its machines no public address/,
      [main(internet)],
      [],
      { ...subnet, MapPublicIpOnLaunch: false },
    ],
    [
      'a NAT gateway that was deleted',
      'closed',
      /nat-1, which is not there/,
      [own({ ...everywhere, NatGatewayId: 'nat-1', State: 'blackhole' })],
    ],
    ['an endpoint for S3 alone', 'closed', /an endpoint for S3 but none for EC2/, [own()], [gateway('s3')]],
    ['an endpoint for EC2 alone', 'closed', /an endpoint for EC2 but none for S3/, [own()], [inside('ec2')]],
    [
      'a gateway of another route table',
      'closed',
      /for EC2 but none for S3/,
      [own()],
      [gateway('s3', { RouteTableIds: ['rtb-2'] }), inside('ec2')],
    ],
    [
      'an endpoint that is not ready',
      'closed',
      /for S3 but none for EC2/,
      [own()],
      [gateway('s3'), inside('ec2', { State: 'Pending' })],
    ],
    [
      'an endpoint without private names',
      'unknown',
      /has no default route, and endpoints without private DNS names/,
      [own()],
      [gateway('s3'), inside('ec2', { PrivateDnsEnabled: false })],
    ],
    [
      'endpoints without private names for both',
      'unknown',
      /without private DNS names/,
      [own()],
      [inside('s3', { PrivateDnsEnabled: false }), inside('ec2', { PrivateDnsEnabled: false })],
    ],
    [
      'such an endpoint beside an internet gateway and no public address',
      'unknown',
      /no public address, and endpoints without private DNS names/,
      [own(internet)],
      [gateway('s3'), inside('ec2', { PrivateDnsEnabled: false })],
      { ...subnet, MapPublicIpOnLaunch: false },
    ],
    [
      'an endpoint without private names, and none for the other service',
      'closed',
      /has no route out and no endpoints/,
      [own()],
      [inside('ec2', { PrivateDnsEnabled: false })],
    ],
    [
      'an endpoint of another VPC',
      'closed',
      /for S3 but none for EC2/,
      [own()],
      [gateway('s3'), inside('ec2', { VpcId: 'vpc-2' })],
    ],
    ['a service whose name ends alike', 'closed', /for S3 but none for EC2/, [own()], [gateway('s3'), inside('ecs')]],
    [
      'a transit gateway',
      'unknown',
      /tgw-1, which can't be followed/,
      [own({ ...everywhere, TransitGatewayId: 'tgw-1' })],
    ],
    [
      'an appliance',
      'unknown',
      /eni-1, which can't be followed/,
      [own({ ...everywhere, NetworkInterfaceId: 'eni-1' })],
    ],
    ['a peering', 'unknown', /pcx-1, which/, [own({ ...everywhere, VpcPeeringConnectionId: 'pcx-1' })]],
    ['a VPN', 'unknown', /vgw-1, which/, [own({ ...everywhere, GatewayId: 'vgw-1' })]],
    ['a firewall', 'unknown', /vpce-1, which/, [own({ ...everywhere, GatewayId: 'vpce-1' })]],
    [
      'IPv6 alone',
      'unknown',
      /a route for ::\/0 to eigw-1/,
      [own({ DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: 'eigw-1' })],
    ],
    [
      'a part of the world',
      'unknown',
      /a route for 10\.8\.0\.0\/16 to tgw-1/,
      [own({ DestinationCidrBlock: '10.8.0.0/16', TransitGatewayId: 'tgw-1' })],
    ],
    [
      'a deleted NAT gateway beside a route for a part of the world',
      'unknown',
      /nat-1, which is not there any more; whether a route for 52\.0\.0\.0\/8 to tgw-1 leads/,
      [
        own(
          { ...everywhere, NatGatewayId: 'nat-1', State: 'blackhole' },
          { DestinationCidrBlock: '52.0.0.0/8', TransitGatewayId: 'tgw-1', State: 'active' },
        ),
      ],
    ],
    [
      'no public address beside a route for a prefix list',
      'unknown',
      /no public address; whether a route for pl-1 to nat-1/,
      [own(internet, { DestinationPrefixListId: 'pl-1', NatGatewayId: 'nat-1' })],
      [],
      { ...subnet, MapPublicIpOnLaunch: false },
    ],
    [
      'other routes that lead nowhere any more',
      'closed',
      /has no route out/,
      [own({ DestinationCidrBlock: '10.8.0.0/16', VpcPeeringConnectionId: 'pcx-1', State: 'blackhole' })],
    ],
  ])('%s: %s', (...[, verdict, text, routeTables, endpoints = [], of = subnet]) => {
    const found = wayOutOf(of, { routeTables, endpoints });
    expect(found).toMatchObject({ verdict, text: expect.stringMatching(text) as string });
  });
});

describe('asked of EC2', () => {
  test('a default VPC has one everywhere, and nothing but its routes is asked for', async () => {
    await using under = await awsUnderTest();
    const findings = await check(under);
    expect(findings.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok']);
    expect([...under.region.served]).not.toContain('ec2:DescribeVpcEndpoints');
  });

  test('each zone has its own, with the zone, the subnet and what to do', async () => {
    await using under = await awsUnderTest();
    const { network } = under.region.compute;
    network.setWayOut('us-east-1a', 'none');
    network.setWayOut('us-east-1b', 'transit-gateway');
    network.setWayOut('us-east-1c', 'endpoints');
    expect(await check(under)).toMatchObject([
      {
        verdict: 'problem',
        locations: ['us-east-1a'],
        text: expect.stringContaining('subnet-0aa0000000000000a of us-east-1a has no route out') as string,
        hint: expect.stringContaining('--subnet') as string,
      },
      { verdict: 'unknown', locations: ['us-east-1b'], hint: null },
      { verdict: 'ok', locations: ['us-east-1c'] },
    ]);
  });

  test('of the subnets that are named, not of the default ones', async () => {
    await using under = await awsUnderTest();
    under.region.compute.settings.setDefaultVpc(false);
    under.region.compute.network.setWayOut('us-east-1b', 'nat-gateway');
    const settings = { ...under.wish.settings, subnets: ['subnet-0bb0000000000000b'] };
    expect(await check(under, settings)).toMatchObject([{ verdict: 'ok', locations: ['us-east-1b'] }]);
  });

  test.each(['DescribeRouteTables', 'DescribeVpcEndpoints', 'DescribeSubnets'])(
    'without the right to %s it is not known, and nothing is refused for it',
    async (action) => {
      await using under = await awsUnderTest();
      const { network, settings } = under.region.compute;
      network.setWayOut('us-east-1a', 'none');
      const { offers, target } = await placeOf(under);
      settings.failNext(action, 'UnauthorizedOperation');
      const findings = await under.provider.preflight?.check(target, offers);
      expect(findings).toMatchObject([{ verdict: 'unknown', locations: null }]);
      expect(findings?.[0]?.text).toContain('UnauthorizedOperation');
    },
  );

  test.each(['InternalError', 'InvalidVpcID.NotFound', 'InvalidSubnetID.NotFound', 'InvalidParameterValue'])(
    'a look that ends with %s refuses nothing',
    async (code) => {
      await using under = await awsUnderTest();
      const { offers, target } = await placeOf(under);
      under.region.compute.settings.failNext('DescribeRouteTables', code, { times: 20 });
      const findings = await under.provider.preflight?.check(target, offers);
      expect(findings).toMatchObject([{ verdict: 'unknown', locations: null, hint: null }]);
      expect(findings?.[0]?.text).toContain(code);
    },
  );

  test.each([
    ['AuthFailure', 'no-credentials'],
    ['ExpiredToken', 'credentials-expired'],
  ])('%s is an error', async (awsCode, code) => {
    await using under = await awsUnderTest();
    const { offers, target } = await placeOf(under);
    under.region.compute.settings.failNext('DescribeRouteTables', awsCode);
    await expect(under.provider.preflight?.check(target, offers)).rejects.toMatchObject({ code });
  });

  test('where EC2 shows no subnet it is not known, and no routes of nothing are asked for', async () => {
    await using under = await awsUnderTest();
    const { offers, target } = await placeOf(under);
    under.region.compute.settings.setDefaultVpc(false);
    expect(await under.provider.preflight?.check(target, offers)).toMatchObject([
      { verdict: 'unknown', text: expect.stringContaining('EC2 shows no subnet in us-east-1') as string },
    ]);
    expect([...under.region.served]).not.toContain('ec2:DescribeRouteTables');
  });
});

type Under = Awaited<ReturnType<typeof awsUnderTest>>;

async function placeOf({ provider, wish }: Under, settings = wish.settings) {
  const wanted = { ...wish, settings };
  const offers = await provider.offers(wanted);
  return { offers, target: await provider.target(wanted, offers) };
}

async function check(under: Under, settings?: Readonly<Record<string, unknown>>) {
  const { offers, target } = await placeOf(under, settings);
  const findings = await under.provider.preflight?.check(target, offers);
  return (findings ?? []).toSorted((a, b) => (a.locations?.[0] ?? '').localeCompare(b.locations?.[0] ?? ''));
}
