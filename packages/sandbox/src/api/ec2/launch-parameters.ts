import { AwsError } from '../../model/aws-error.ts';
import { defaultSecurityGroup } from '../../model/ec2/catalog.ts';
import type { BlockDevice, LaunchData, MetadataOptions } from '../../model/ec2/launch-data.ts';
import { tagSpecifications } from './action.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

/** Resource types that a launch may tag (d.ts RunInstancesRequest.TagSpecifications). */
const taggable = ['instance', 'volume', 'spot-instances-request', 'network-interface'];

type Present<Value> = { [Field in keyof Value]?: Exclude<Value[Field], undefined> };

/** Drops the fields that are undefined, which optional fields may not be. */
function present<Value extends object>(value: Value): Present<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Present<Value>;
}

/** Reads a RunInstances request, or the data of a launch template. Refuses what the sandbox does not model at all. */
export function launchDataOf(parameters: Parameters): LaunchData {
  if (parameters.has('InstanceRequirements'))
    throw new AwsError('UnsupportedOperation', 'InstanceRequirements is not modelled; name instance types.');
  const networkInterface = parameters.structures('NetworkInterface')[0];
  const profile = parameters.structure('IamInstanceProfile');
  const market = parameters.structure('InstanceMarketOptions');
  const spot = market.structure('SpotOptions');
  const tags = tagSpecifications(parameters, taggable);
  const metadata = parameters.has('MetadataOptions') ? metadataOf(parameters.structure('MetadataOptions')) : undefined;
  const marketType = market.choice('MarketType', ['spot']);
  return present({
    imageId: parameters.text('ImageId'),
    instanceType: parameters.text('InstanceType'),
    userData: parameters.text('UserData'),
    keyName: parameters.text('KeyName'),
    profileName: profile.text('Name'),
    profileArn: profile.text('Arn'),
    securityGroupIds: groupsOf(parameters, networkInterface),
    subnetId: parameters.text('SubnetId') ?? networkInterface?.text('SubnetId'),
    zoneName: parameters.structure('Placement').text('AvailabilityZone'),
    market: marketType ?? (market.has('SpotOptions') ? ('spot' as const) : undefined),
    maxPrice: spot.text('MaxPrice'),
    spotInstanceType: spot.text('SpotInstanceType'),
    interruptionBehavior: spot.text('InstanceInterruptionBehavior'),
    metadata,
    shutdownBehavior: parameters.text('InstanceInitiatedShutdownBehavior'),
    blockDevices: parameters.has('BlockDeviceMapping') ? blockDevicesOf(parameters) : undefined,
    tags: tags.size === 0 ? undefined : tags,
  });
}

function groupsOf(parameters: Parameters, networkInterface: Parameters | undefined): readonly string[] | undefined {
  const named = parameters.texts('SecurityGroup').map((name) => {
    if (name === defaultSecurityGroup.name) return defaultSecurityGroup.id;
    throw new AwsError('InvalidGroup.NotFound', `The security group '${name}' does not exist`);
  });
  const ids = [...parameters.texts('SecurityGroupId'), ...named, ...(networkInterface?.texts('SecurityGroupId') ?? [])];
  return ids.length === 0 ? undefined : ids;
}

function metadataOf(options: Parameters): Partial<MetadataOptions> {
  const hopLimit = options.integer('HttpPutResponseHopLimit');
  if (hopLimit !== undefined && (hopLimit < 1 || hopLimit > 64))
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${hopLimit}) for parameter HttpPutResponseHopLimit is invalid.`,
    );
  return present({
    httpTokens: options.choice('HttpTokens', ['required', 'optional']),
    httpEndpoint: options.choice('HttpEndpoint', ['enabled', 'disabled']),
    instanceMetadataTags: options.choice('InstanceMetadataTags', ['enabled', 'disabled']),
    hopLimit,
  });
}

function blockDevicesOf(parameters: Parameters): readonly BlockDevice[] {
  return parameters.structures('BlockDeviceMapping').map((mapping) => {
    const ebs = mapping.structure('Ebs');
    return {
      deviceName: mapping.text('DeviceName'),
      sizeGib: ebs.integer('VolumeSize'),
      volumeType: ebs.text('VolumeType'),
      deleteOnTermination: ebs.flag('DeleteOnTermination'),
    };
  });
}
