import { vpc } from '../../model/ec2/catalog.ts';
import { stateCodes } from '../../model/ec2/instance.ts';
import type { Instance, InstanceState } from '../../model/ec2/instance.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { tagSet } from './action.ts';

export function stateView(state: InstanceState): XmlValue {
  return { code: stateCodes[state], name: state };
}

/** One group of instances that a call launched, as DescribeInstances and RunInstances show it. */
export function reservationView(compute: Compute, instances: readonly Instance[]): Readonly<Record<string, XmlValue>> {
  return {
    reservationId: instances[0]?.reservationId,
    ownerId: compute.accountId,
    groupSet: [],
    instancesSet: instances.map((instance) => instanceView(compute, instance)),
  };
}

function groupSetOf({ groups }: Compute, { spec }: Instance): XmlValue {
  return spec.securityGroupIds.map((groupId) => ({ groupId, groupName: groups.find(groupId)?.name ?? '' }));
}

function instanceView(compute: Compute, instance: Instance): XmlValue {
  const { spec } = instance;
  const gone = instance.state === 'terminated';
  const launched = new Date(instance.launchedAtMs);
  return {
    instanceId: instance.id,
    imageId: spec.image.id,
    instanceState: stateView(instance.state),
    privateDnsName: gone ? '' : `${instance.hostName}.ec2.internal`,
    dnsName: '',
    reason: instance.transitionReason,
    keyName: spec.keyName,
    amiLaunchIndex: instance.launchIndex,
    productCodes: [],
    instanceType: spec.type.name,
    launchTime: launched,
    placement: { availabilityZone: spec.zone.name, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    ...(gone ? {} : { ...placeView(instance), networkInterfaceSet: [networkInterfaceView(compute, instance)] }),
    stateReason: instance.stateReason === null ? null : { ...instance.stateReason },
    architecture: spec.type.architecture,
    rootDeviceType: 'ebs',
    rootDeviceName: spec.image.rootDeviceName,
    blockDeviceMapping: gone ? [] : [rootDeviceView(instance)],
    virtualizationType: 'hvm',
    ...(spec.market === 'spot' ? { instanceLifecycle: 'spot', spotInstanceRequestId: instance.spotRequestId } : {}),
    clientToken: instance.clientToken,
    tagSet: tagSet(instance.tags),
    groupSet: gone ? [] : groupSetOf(compute, instance),
    sourceDestCheck: gone ? undefined : true,
    hypervisor: 'xen',
    iamInstanceProfile: profileView(compute, instance),
    ebsOptimized: false,
    enaSupport: true,
    metadataOptions: {
      state: 'applied',
      httpTokens: spec.metadata.httpTokens,
      httpPutResponseHopLimit: spec.metadata.hopLimit,
      httpEndpoint: spec.metadata.httpEndpoint,
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: spec.metadata.instanceMetadataTags,
    },
    platformDetails: 'Linux/UNIX',
    usageOperation: 'RunInstances',
    usageOperationUpdateTime: launched,
  };
}

function placeView(instance: Instance): Readonly<Record<string, XmlValue>> {
  return {
    subnetId: instance.spec.zone.subnetId,
    vpcId: vpc.id,
    privateIpAddress: instance.privateAddress,
  };
}

function profileView(compute: Compute, instance: Instance): XmlValue {
  const name = instance.spec.profileName;
  if (name === null) return undefined;
  return { arn: `arn:aws:iam::${compute.accountId}:instance-profile/${name}`, id: 'AIPASANDBOXINSTANCE00' };
}

function rootDeviceView(instance: Instance): XmlValue {
  return {
    deviceName: instance.spec.image.rootDeviceName,
    ebs: {
      volumeId: instance.volume.id,
      status: 'attached',
      attachTime: new Date(instance.volume.createdAtMs),
      deleteOnTermination: instance.spec.rootVolume.deleteOnTermination,
    },
  };
}

function networkInterfaceView(compute: Compute, instance: Instance): XmlValue {
  return {
    networkInterfaceId: instance.networkInterfaceId,
    ...placeView(instance),
    description: '',
    ownerId: compute.accountId,
    status: 'in-use',
    macAddress: instance.macAddress,
    privateDnsName: `${instance.hostName}.ec2.internal`,
    sourceDestCheck: true,
    groupSet: groupSetOf(compute, instance),
    interfaceType: 'interface',
    attachment: {
      attachmentId: instance.networkInterfaceId.replace('eni-', 'eni-attach-'),
      deviceIndex: 0,
      status: 'attached',
      attachTime: new Date(instance.createdAtMs),
      deleteOnTermination: true,
    },
    privateIpAddressesSet: [{ privateIpAddress: instance.privateAddress, primary: true }],
  };
}
