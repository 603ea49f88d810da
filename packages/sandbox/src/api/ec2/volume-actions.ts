import { AwsError } from '../../model/aws-error.ts';
import type { Instance } from '../../model/ec2/instance.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { tagSet } from './action.ts';
import type { Action } from './action.ts';
import { checkFilters, filtered, paged, tagFilter } from './filters.ts';

const values: Readonly<Record<string, (instance: Instance) => readonly string[]>> = {
  'attachment.instance-id': (instance) => (isAttached(instance) ? [instance.id] : []),
  'attachment.device': ({ spec }) => [spec.image.rootDeviceName],
  'availability-zone': ({ spec }) => [spec.zone.name],
  size: ({ spec }) => [String(spec.rootVolume.sizeGib)],
  'snapshot-id': ({ spec }) => [spec.image.snapshotId],
  status: (instance) => [isAttached(instance) ? 'in-use' : 'available'],
  'volume-id': ({ volume }) => [volume.id],
  'volume-type': ({ spec }) => [spec.rootVolume.volumeType],
};

/** Root volumes: each instance has one. It goes with the instance, unless it was launched with DeleteOnTermination=false. */
export const volumeActions: Readonly<Record<string, Action>> = {
  DescribeVolumes: ({ parameters, compute }) => {
    checkFilters(parameters, Object.keys(values));
    const existing = compute.instances
      .list()
      .filter((instance) => isAttached(instance) || !instance.spec.rootVolume.deleteOnTermination);
    const asked = parameters.texts('VolumeId');
    const unknown = asked.find((id) => !existing.some(({ volume }) => volume.id === id));
    if (unknown !== undefined) throw new AwsError('InvalidVolume.NotFound', `The volume '${unknown}' does not exist.`);
    const chosen = existing.filter(({ volume }) => asked.length === 0 || asked.includes(volume.id));
    const matching = filtered(
      parameters,
      chosen,
      (instance) => (name) => values[name]?.(instance) ?? tagFilter(name, instance.volume.tags),
    );
    const { items, nextToken } = paged(parameters, matching);
    return { volumeSet: items.map(volumeView), nextToken };
  },
};

function isAttached(instance: Instance): boolean {
  return instance.state !== 'terminated';
}

function volumeView(instance: Instance): XmlValue {
  const { volume, spec } = instance;
  const attachment = {
    volumeId: volume.id,
    instanceId: instance.id,
    device: spec.image.rootDeviceName,
    status: 'attached',
    attachTime: new Date(volume.createdAtMs),
    deleteOnTermination: spec.rootVolume.deleteOnTermination,
  };
  return {
    volumeId: volume.id,
    size: spec.rootVolume.sizeGib,
    snapshotId: spec.image.snapshotId,
    availabilityZone: spec.zone.name,
    status: isAttached(instance) ? 'in-use' : 'available',
    createTime: new Date(volume.createdAtMs),
    attachmentSet: isAttached(instance) ? [attachment] : [],
    volumeType: spec.rootVolume.volumeType,
    encrypted: false,
    multiAttachEnabled: false,
    tagSet: tagSet(volume.tags),
  };
}
