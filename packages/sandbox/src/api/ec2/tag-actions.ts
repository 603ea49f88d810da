import { AwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { resourceTypeOf } from '../../model/ec2/resource-ids.ts';
import { checkMetadataTagKeys, checkTags, tagsByKey } from '../../model/ec2/tags.ts';
import type { Tags } from '../../model/ec2/tags.ts';
import { proceed, tagPairs } from './action.ts';
import type { Action, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged } from './filters.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

interface Tagged {
  readonly id: string;
  readonly type: string;
  readonly tags: Tags;
  readonly inMetadata: boolean;
}

export const tagActions: Readonly<Record<string, Action>> = {
  CreateTags: (call) => {
    const resources = named(call);
    const added = tagsByKey(tagPairs(call.parameters));
    for (const { tags, inMetadata } of resources) {
      const own = [...tags].filter(([key]) => !key.startsWith('aws:'));
      checkTags(new Map([...own, ...added]));
      if (inMetadata) checkMetadataTagKeys(added);
    }
    proceed(call);
    for (const { tags } of resources) for (const [key, value] of added) tags.set(key, value);
    return { return: true };
  },

  DeleteTags: (call) => {
    const resources = named(call);
    const removed = call.parameters.structures('Tag');
    proceed(call);
    for (const { tags } of resources) remove(tags, removed);
    return { return: true };
  },

  DescribeTags: ({ parameters, compute }) => {
    checkFilters(parameters, ['resource-id', 'resource-type', 'key', 'value']);
    const rows = everything(compute).flatMap(({ id, type, tags }) =>
      [...tags].map(([key, value]) => ({ resourceId: id, resourceType: type, key, value })),
    );
    const matching = filtered(parameters, rows, (row) => (name) => {
      if (name === 'resource-id') return [row.resourceId];
      if (name === 'resource-type') return [row.resourceType];
      if (name === 'key' || name === 'tag-key') return [row.key];
      if (name === 'value') return [row.value];
      return name === `tag:${row.key}` ? [row.value] : [];
    });
    const { items, nextToken } = paged(parameters, matching);
    return { tagSet: items, nextToken };
  },
};

/** Without any tag all of a user's tags go; a tag with a value goes only where it has that value. */
function remove(tags: Tags, removed: readonly Parameters[]): void {
  for (const [key, value] of tags) {
    if (key.startsWith('aws:')) continue;
    const named = removed.find((tag) => tag.text('Key') === key);
    if (removed.length === 0 || (named !== undefined && (named.text('Value') ?? value) === value)) tags.delete(key);
  }
}

function everything(compute: Compute): Tagged[] {
  const instances = compute.instances.list();
  return [
    ...instances.map(({ id, tags, spec }) => ({
      id,
      tags,
      type: 'instance',
      inMetadata: spec.metadata.instanceMetadataTags === 'enabled',
    })),
    ...instances.map(({ volume }) => ({ id: volume.id, tags: volume.tags, type: 'volume', inMetadata: false })),
    ...compute.fleets.list().map(({ id, tags }) => ({ id, tags, type: 'fleet', inMetadata: false })),
    ...compute.templates.list().map(({ id, tags }) => ({ id, tags, type: 'launch-template', inMetadata: false })),
    ...compute.spotRequests
      .list()
      .map(({ id, tags }) => ({ id, tags, type: 'spot-instances-request', inMetadata: false })),
  ];
}

function named(call: Ec2Call): Tagged[] {
  const ids = call.parameters.texts('ResourceId');
  if (ids.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter ResourceId');
  const known = everything(call.compute);
  return ids.map((id) => known.find((resource) => resource.id === id) ?? missing(call.compute, id));
}

/** Throws the not-found error of the kind of resource that the id names. */
function missing(compute: Compute, id: string): never {
  const type = resourceTypeOf(id);
  if (type === 'instance') compute.instances.get(id);
  if (type === 'fleet') compute.fleets.get(id);
  if (type === 'launch-template') compute.templates.find({ id });
  if (type === 'spot-instances-request') compute.spotRequests.get(id);
  if (type === 'volume') throw new AwsError('InvalidVolume.NotFound', `The volume '${id}' does not exist.`);
  throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
}
