import { AwsError } from '../aws-error.ts';
import { images, instanceTypes, isOffered, zones, defaultSecurityGroup } from './catalog.ts';
import type { Image, InstanceType, Zone } from './catalog.ts';
import type { LaunchData, MetadataOptions } from './launch-data.ts';
import type { InstanceMarket } from './settings.ts';
import { checkMetadataTagKeys, checkTags } from './tags.ts';
import type { Tags } from './tags.ts';

/** The profile that the account has from the start; its role has the same name. */
export const instanceProfileName = 'runctl-instance';

/** What of the account launches may name. */
export interface LaunchableResources {
  /** Whether EC2 knows the instance profile by now. */
  hasProfile(name: string): boolean;
  hasGroup(id: string): boolean;
}
const maximumUserDataBytes = 16 * 1024;

interface RootVolume {
  readonly sizeGib: number;
  readonly volumeType: string;
  readonly deleteOnTermination: boolean;
}

/** Everything that was decided about an instance before it exists. */
export interface LaunchSpec {
  readonly image: Image;
  readonly type: InstanceType;
  readonly zone: Zone;
  readonly market: InstanceMarket;
  readonly maxPrice: string | null;
  readonly userData: Buffer | null;
  readonly keyName: string | null;
  readonly profileName: string | null;
  readonly securityGroupIds: readonly string[];
  readonly shutdownBehavior: 'stop' | 'terminate';
  readonly metadata: MetadataOptions;
  readonly rootVolume: RootVolume;
  readonly tags: ReadonlyMap<string, Tags>;
  readonly template: { readonly id: string; readonly version: number } | null;
}

/** The raw user data; refuses what EC2 refuses: no base64, or more than 16 KB before encoding. */
export function decodeUserData(base64: string | undefined): Buffer | null {
  if (base64 === undefined || base64 === '') return null;
  const compact = base64.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0)
    throw new AwsError('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.');
  const raw = Buffer.from(compact, 'base64');
  if (raw.length > maximumUserDataBytes)
    throw new AwsError('InvalidUserData.Malformed', `User data is limited to ${maximumUserDataBytes} bytes`);
  return raw;
}

export function instanceTypeNamed(name: string | undefined): InstanceType {
  if (name === undefined) throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceType');
  const type = instanceTypes.get(name);
  if (type === undefined) throw new AwsError('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`);
  return type;
}

function imageOf(imageId: string | undefined): Image {
  if (imageId === undefined) throw new AwsError('MissingParameter', 'The request must contain the parameter ImageId');
  if (!/^ami-[0-9a-f]{8,17}$/.test(imageId))
    throw new AwsError('InvalidAMIID.Malformed', `Invalid id: "${imageId}" (expecting "ami-...")`);
  const image = images.find((candidate) => candidate.id === imageId);
  if (image === undefined) throw new AwsError('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  return image;
}

function profileOf(data: LaunchData, known: LaunchableResources): string | null {
  const name = data.profileName ?? data.profileArn?.split('/').at(-1);
  if (name === undefined) return null;
  if (!known.hasProfile(name)) {
    const shown = data.profileArn === undefined ? 'name' : 'ARN';
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${data.profileArn ?? name}) for parameter iamInstanceProfile.${shown.toLowerCase()} is invalid. Invalid IAM Instance Profile ${shown}`,
    );
  }
  return name;
}

function rootVolumeOf(data: LaunchData, image: Image): RootVolume {
  const device = data.blockDevices?.find(
    (candidate) => candidate.deviceName === undefined || candidate.deviceName === image.rootDeviceName,
  );
  const sizeGib = device?.sizeGib ?? image.rootSizeGib;
  if (sizeGib < image.rootSizeGib) {
    throw new AwsError(
      'InvalidBlockDeviceMapping',
      `Volume of size ${sizeGib}GB is smaller than snapshot '${image.snapshotId}', expect size>= ${image.rootSizeGib}GB`,
    );
  }
  return {
    sizeGib,
    volumeType: device?.volumeType ?? 'gp3',
    deleteOnTermination: device?.deleteOnTermination ?? true,
  };
}

function checkGroups(groupIds: readonly string[], known: LaunchableResources): void {
  const unknown = groupIds.find((id) => !known.hasGroup(id));
  if (unknown !== undefined)
    throw new AwsError('InvalidGroup.NotFound', `The security group '${unknown}' does not exist`);
}

/** Zones that `data` allows: of its subnet, its zone, or all. Throws for a subnet or a zone that does not exist. */
export function allowedZones(data: Pick<LaunchData, 'subnetId' | 'zoneName'>): readonly Zone[] {
  if (data.subnetId !== undefined) {
    const zone = zones.find((candidate) => candidate.subnetId === data.subnetId);
    if (zone === undefined)
      throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${data.subnetId}' does not exist`);
    return [zone];
  }
  if (data.zoneName === undefined) return zones;
  const zone = zones.find((candidate) => candidate.name === data.zoneName);
  if (zone === undefined) throw new AwsError('InvalidZone.NotFound', `The zone '${data.zoneName}' does not exist.`);
  return [zone];
}

function shutdownBehaviorOf(data: LaunchData): 'stop' | 'terminate' {
  const behavior = data.shutdownBehavior ?? 'stop';
  if (behavior === 'stop' || behavior === 'terminate') return behavior;
  throw new AwsError(
    'InvalidParameterValue',
    `Value (${behavior}) for parameter InstanceInitiatedShutdownBehavior is invalid.`,
  );
}

/** The sandbox knows one way for spot instances to be interrupted; it says so instead of modelling another wrongly. */
export function checkSpotOptions(
  data: Pick<LaunchData, 'interruptionBehavior' | 'spotInstanceType' | 'maxPrice'>,
): void {
  if ((data.interruptionBehavior ?? 'terminate') !== 'terminate')
    throw new AwsError('Unsupported', `Interruption behavior '${data.interruptionBehavior}' is not modelled.`);
  if ((data.spotInstanceType ?? 'one-time') !== 'one-time') {
    throw new AwsError(
      'InvalidParameterCombination',
      'Persistent Spot requests require the interruption behavior stop or hibernate, which is not modelled.',
    );
  }
  if (data.maxPrice !== undefined && !(Number(data.maxPrice) >= 0.001))
    throw new AwsError('InvalidParameterValue', `Invalid value '${data.maxPrice}' for MaxPrice.`);
}

/** Checks everything of a launch that does not depend on the pool. Throws the first error that EC2 would give. */
export function checkLaunchData(
  data: LaunchData,
  known: LaunchableResources,
): { readonly image: Image; readonly userData: Buffer | null } {
  const userData = decodeUserData(data.userData);
  const image = imageOf(data.imageId);
  profileOf(data, known);
  checkGroups(data.securityGroupIds ?? [], known);
  if (data.keyName !== undefined)
    throw new AwsError('InvalidKeyPair.NotFound', `The key pair '${data.keyName}' does not exist`);
  rootVolumeOf(data, image);
  shutdownBehaviorOf(data);
  if (data.market === 'spot') checkSpotOptions(data);
  for (const tags of data.tags?.values() ?? []) checkTags(tags);
  if (data.metadata?.instanceMetadataTags === 'enabled')
    checkMetadataTagKeys(data.tags?.get('instance') ?? new Map<string, string>());
  return { image, userData };
}

interface PoolPlace {
  readonly type: InstanceType;
  readonly zone: Zone;
  readonly market: InstanceMarket;
}

function checkPool(image: Image, { type, zone, market }: PoolPlace, tags: LaunchData['tags']): void {
  if (image.architecture !== type.architecture) {
    throw new AwsError(
      'InvalidParameterValue',
      `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI.`,
    );
  }
  if (!isOffered(type, zone)) {
    throw new AwsError(
      'Unsupported',
      `Your requested instance type (${type.name}) is not supported in your requested Availability Zone (${zone.name}).`,
    );
  }
  if (market === 'on-demand' && tags?.has('spot-instances-request') === true)
    throw new AwsError(
      'InvalidParameterValue',
      'You cannot specify tags for Spot instances requests if there are no Spot instances requests being created by the request.',
    );
  if (!type.usageClasses.includes(market))
    throw new AwsError('Unsupported', `The instance type ${type.name} is not offered as ${market}.`);
}

/** Decides every field of an instance in one pool. Throws what EC2 answers when something is wrong or not offered. */
export function launchSpec(
  data: LaunchData,
  pool: Pick<LaunchSpec, 'type' | 'zone' | 'market' | 'template'>,
  known: LaunchableResources,
): LaunchSpec {
  const { image, userData } = checkLaunchData(data, known);
  checkPool(image, pool, data.tags);
  return {
    ...pool,
    image,
    userData,
    maxPrice: data.maxPrice ?? null,
    keyName: data.keyName ?? null,
    profileName: profileOf(data, known),
    securityGroupIds: data.securityGroupIds?.length ? data.securityGroupIds : [defaultSecurityGroup.id],
    shutdownBehavior: shutdownBehaviorOf(data),
    metadata: {
      httpTokens: data.metadata?.httpTokens ?? 'optional',
      httpEndpoint: data.metadata?.httpEndpoint ?? 'enabled',
      hopLimit: data.metadata?.hopLimit ?? 1,
      instanceMetadataTags: data.metadata?.instanceMetadataTags ?? 'disabled',
    },
    rootVolume: rootVolumeOf(data, image),
    tags: data.tags ?? new Map<string, Tags>(),
  };
}
