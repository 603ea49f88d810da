import { AwsError } from '../../model/aws-error.ts';
import { images, instanceTypes, isOffered, zones } from '../../model/ec2/catalog.ts';
import type { Image, InstanceType } from '../../model/ec2/catalog.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import type { Action } from './action.ts';
import { filtered, paged } from './filters.ts';
import { typeView } from './type-view.ts';

type Values<Item> = Readonly<Record<string, (item: Item) => readonly string[]>>;

const imageValues: Values<Image> = {
  architecture: ({ architecture }) => [architecture],
  'image-id': ({ id }) => [id],
  name: ({ name }) => [name],
  state: () => ['available'],
  'root-device-type': () => ['ebs'],
  'virtualization-type': () => ['hvm'],
  'owner-id': () => ['amazon'],
  'owner-alias': () => ['amazon'],
};

const typeValues: Values<InstanceType> = {
  'bare-metal': ({ isBareMetal }) => [String(isBareMetal)],
  'current-generation': ({ isCurrent }) => [String(isCurrent)],
  'instance-type': ({ name }) => [name],
  'processor-info.supported-architecture': ({ architectures }) => architectures,
  'supported-usage-class': ({ usageClasses }) => usageClasses,
  'vcpu-info.default-vcpus': ({ vcpus }) => [String(vcpus)],
};

export const catalogActions: Readonly<Record<string, Action>> = {
  DescribeRegions: ({ parameters, compute }) => {
    const asked = parameters.texts('RegionName');
    const unknown = asked.find((name) => name !== compute.region);
    if (unknown !== undefined) throw new AwsError('InvalidParameterValue', `Invalid region name '${unknown}'`);
    const region = {
      regionName: compute.region,
      regionEndpoint: `ec2.${compute.region}.amazonaws.com`,
      optInStatus: 'opt-in-not-required',
    };
    const matching = filtered(parameters, [region], () => (name) => (name === 'region-name' ? [compute.region] : null));
    return { regionInfo: matching };
  },

  DescribeAvailabilityZones: ({ parameters, compute }) => {
    const names = parameters.texts('ZoneName');
    const ids = parameters.texts('ZoneId');
    const unknown = names.find((name) => !zones.some((zone) => zone.name === name));
    if (unknown !== undefined) throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${unknown}]`);
    const chosen = zones.filter(
      (zone) => (names.length === 0 || names.includes(zone.name)) && (ids.length === 0 || ids.includes(zone.id)),
    );
    const matching = filtered(parameters, chosen, (zone) => (name) => {
      const values: Readonly<Record<string, string>> = {
        'zone-name': zone.name,
        'zone-id': zone.id,
        'region-name': compute.region,
        state: 'available',
        'zone-type': 'availability-zone',
        'opt-in-status': 'opt-in-not-required',
        'group-name': compute.region,
      };
      const value = values[name];
      return value === undefined ? null : [value];
    });
    return {
      availabilityZoneInfo: matching.map((zone) => ({
        zoneName: zone.name,
        zoneId: zone.id,
        zoneState: 'available',
        regionName: compute.region,
        optInStatus: 'opt-in-not-required',
        groupName: compute.region,
        networkBorderGroup: compute.region,
        zoneType: 'availability-zone',
        messageSet: [],
      })),
    };
  },

  DescribeInstanceTypes: ({ parameters }) => {
    const asked = parameters.texts('InstanceType');
    const unknown = asked.filter((name) => !instanceTypes.has(name));
    if (unknown.length > 0) {
      throw new AwsError(
        'InvalidInstanceType',
        `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
      );
    }
    const chosen = [...instanceTypes.values()].filter(({ name }) => asked.length === 0 || asked.includes(name));
    const matching = filtered(parameters, chosen, (type) => (name) => typeValues[name]?.(type) ?? null);
    const { items, nextToken } = paged(parameters, matching, { least: 5, most: 100 });
    return { instanceTypeSet: items.map(typeView), nextToken };
  },

  DescribeInstanceTypeOfferings: ({ parameters, compute }) => {
    const by = parameters.choice('LocationType', ['region', 'availability-zone', 'availability-zone-id']) ?? 'region';
    const offerings = [...instanceTypes.values()].flatMap((type) => {
      const offered = zones.filter((zone) => isOffered(type, zone));
      const places = offered.map((zone) => (by === 'availability-zone' ? zone.name : zone.id));
      return (by === 'region' ? [compute.region] : places).map((location) => ({
        instanceType: type.name,
        locationType: by,
        location,
      }));
    });
    const matching = filtered(parameters, offerings, (offering) => (name) => {
      if (name === 'instance-type') return [offering.instanceType];
      return name === 'location' ? [offering.location] : null;
    });
    const { items, nextToken } = paged(parameters, matching);
    return { instanceTypeOfferingSet: items, nextToken };
  },

  DescribeImages: ({ parameters }) => {
    const asked = parameters.texts('ImageId');
    const unknown = asked.find((id) => !images.some((image) => image.id === id));
    if (unknown !== undefined)
      throw new AwsError('InvalidAMIID.NotFound', `The image id '[${unknown}]' does not exist`);
    const owners = parameters.texts('Owner');
    const owned = owners.length === 0 || owners.includes('amazon');
    const chosen = images.filter(({ id }) => owned && (asked.length === 0 || asked.includes(id)));
    const matching = filtered(parameters, chosen, (image) => (name) => imageValues[name]?.(image) ?? null);
    return { imagesSet: matching.map(imageView) };
  },

  DescribeKeyPairs: ({ parameters }) => {
    const asked = parameters.texts('KeyName')[0];
    if (asked !== undefined) throw new AwsError('InvalidKeyPair.NotFound', `The key pair '${asked}' does not exist`);
    return { keySet: [] };
  },
};

function imageView(image: Image): XmlValue {
  return {
    imageId: image.id,
    imageLocation: `amazon/${image.name}`,
    imageState: 'available',
    imageOwnerId: '137112412989',
    imageOwnerAlias: 'amazon',
    creationDate: image.createdAt,
    isPublic: true,
    architecture: image.architecture,
    imageType: 'machine',
    name: image.name,
    description: image.description,
    rootDeviceType: 'ebs',
    rootDeviceName: image.rootDeviceName,
    blockDeviceMapping: [
      {
        deviceName: image.rootDeviceName,
        ebs: {
          snapshotId: image.snapshotId,
          volumeSize: image.rootSizeGib,
          volumeType: 'gp3',
          deleteOnTermination: true,
          encrypted: false,
        },
      },
    ],
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    enaSupport: true,
    platformDetails: 'Linux/UNIX',
    usageOperation: 'RunInstances',
    imdsSupport: 'v2.0',
    tagSet: [],
  };
}
