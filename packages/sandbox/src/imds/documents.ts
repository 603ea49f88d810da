import { vpc } from '../model/ec2/catalog.ts';
import type { Compute } from '../model/compute/compute.ts';
import type { Instance } from '../model/ec2/instance.ts';

/** A leaf of the metadata tree; read only when asked for. */
type MetadataLeaf = () => string;
export type MetadataTree = ReadonlyMap<string, MetadataLeaf>;

type Stamp = (ms: number) => string;

/** `2017-09-18T08:22:00Z`: whole seconds, UTC. */
function secondsStamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Everything under `/latest/`, by path without a slash at either end. What an instance lacks is not there at all. */
export function metadataTree(compute: Compute, instance: Instance): MetadataTree {
  const tree = new Map<string, MetadataLeaf>();
  const put = (prefix: string, leaves: Readonly<Record<string, MetadataLeaf>>) => {
    for (const [path, leaf] of Object.entries(leaves)) tree.set(prefix + path, leaf);
  };
  put('dynamic/', { 'instance-identity/document': () => identityDocument(compute, instance) });
  put('meta-data/', identityLeaves(compute, instance));
  put('meta-data/network/interfaces/macs/', networkLeaves(compute, instance));
  // Its dates are on the instance's own clock turned round, as are those of its answers.
  const stamp = (ms: number): string => secondsStamp(ms - instance.clockOffsetMs);
  put('meta-data/', interruptionLeaves(instance, stamp));
  if (instance.spec.profileName !== null) put('meta-data/iam/', roleLeaves(compute, instance, stamp));
  if (instance.spec.metadata.instanceMetadataTags === 'enabled')
    for (const [key, value] of instance.tags) tree.set(`meta-data/tags/instance/${key}`, () => value);
  return tree;
}

function identityLeaves(compute: Compute, instance: Instance): Record<string, MetadataLeaf> {
  const { spec } = instance;
  const hostName = `${instance.hostName}.ec2.internal`;
  return {
    'ami-id': () => spec.image.id,
    'ami-launch-index': () => String(instance.launchIndex),
    'ami-manifest-path': () => '(unknown)',
    'block-device-mapping/ami': () => spec.image.rootDeviceName.replace('/dev/', ''),
    'block-device-mapping/root': () => spec.image.rootDeviceName,
    hostname: () => hostName,
    'instance-action': () => 'none',
    'instance-id': () => instance.id,
    'instance-life-cycle': () => spec.market,
    'instance-type': () => spec.type.name,
    'local-hostname': () => hostName,
    'local-ipv4': () => instance.privateAddress,
    mac: () => instance.macAddress,
    'placement/availability-zone': () => spec.zone.name,
    'placement/availability-zone-id': () => spec.zone.id,
    'placement/region': () => compute.region,
    profile: () => 'default-hvm',
    'reservation-id': () => instance.reservationId,
    'security-groups': () => groupNames(compute, instance),
    'services/domain': () => 'amazonaws.com',
    'services/partition': () => 'aws',
    system: () => 'nitro',
  };
}

function groupNames({ groups }: Compute, { spec }: Instance): string {
  return spec.securityGroupIds.map((id) => groups.find(id)?.name ?? id).join('\n');
}

function networkLeaves(compute: Compute, instance: Instance): Record<string, MetadataLeaf> {
  const prefix = `${instance.macAddress}/`;
  const leaves: Record<string, string> = {
    'device-number': '0',
    'interface-id': instance.networkInterfaceId,
    'local-hostname': `${instance.hostName}.ec2.internal`,
    'local-ipv4s': instance.privateAddress,
    mac: instance.macAddress,
    'owner-id': compute.accountId,
    'security-group-ids': instance.spec.securityGroupIds.join('\n'),
    'security-groups': groupNames(compute, instance),
    'subnet-id': instance.spec.zone.subnetId,
    'subnet-ipv4-cidr-block': instance.spec.zone.cidrBlock,
    'vpc-id': vpc.id,
    'vpc-ipv4-cidr-block': vpc.cidrBlock,
  };
  return Object.fromEntries(Object.entries(leaves).map(([name, value]) => [prefix + name, () => value]));
}

/** The notice and the recommendation appear only once they were given; a user's termination is never announced. */
function interruptionLeaves(instance: Instance, stamp: Stamp): Record<string, MetadataLeaf> {
  const { notice, rebalanceAtMs } = instance;
  return {
    'events/maintenance/history': () => '[]',
    'events/maintenance/scheduled': () => JSON.stringify(instance.maintenance),
    ...(rebalanceAtMs === null
      ? {}
      : { 'events/recommendations/rebalance': () => JSON.stringify({ noticeTime: stamp(rebalanceAtMs) }) }),
    ...(notice === null
      ? {}
      : {
          'spot/instance-action': () => JSON.stringify({ action: 'terminate', time: stamp(notice.deadlineMs) }),
          'spot/termination-time': () => stamp(notice.deadlineMs),
        }),
  };
}

function roleLeaves(compute: Compute, instance: Instance, stamp: Stamp): Record<string, MetadataLeaf> {
  const role = instance.spec.profileName ?? '';
  const readyAtMs = instance.launchedAtMs + compute.settings.delays.credentialsDelayMs;
  if (compute.clock.nowMs() < readyAtMs) return {};
  return {
    info: () =>
      JSON.stringify({
        Code: 'Success',
        LastUpdated: stamp(instance.launchedAtMs),
        InstanceProfileArn: `arn:aws:iam::${compute.accountId}:instance-profile/${role}`,
        InstanceProfileId: 'AIPASANDBOXINSTANCE00',
      }),
    [`security-credentials/${role}`]: () => {
      const session = compute.credentials.sessionOf(instance, role);
      return JSON.stringify({
        Code: 'Success',
        LastUpdated: stamp(session.issuedAtMs),
        Type: 'AWS-HMAC',
        AccessKeyId: session.accessKeyId,
        SecretAccessKey: session.secretAccessKey,
        Token: session.sessionToken,
        Expiration: stamp(session.expiresAtMs),
      });
    },
  };
}

function identityDocument(compute: Compute, instance: Instance): string {
  const { spec } = instance;
  return JSON.stringify(
    {
      accountId: compute.accountId,
      architecture: spec.type.architecture,
      availabilityZone: spec.zone.name,
      billingProducts: null,
      devpayProductCodes: null,
      imageId: spec.image.id,
      instanceId: instance.id,
      instanceType: spec.type.name,
      kernelId: null,
      marketplaceProductCodes: null,
      pendingTime: secondsStamp(instance.launchedAtMs),
      privateIp: instance.privateAddress,
      ramdiskId: null,
      region: compute.region,
      version: '2017-09-30',
    },
    null,
    2,
  );
}
