import { AwsError } from '../aws-error.ts';

export type Tags = Map<string, string>;

/** User guide, "Tag restrictions": in characters, not bytes. */
const maximumTags = 50;
const maximumKeyLength = 128;
const maximumValueLength = 256;

/** Refuses what EC2 refuses when a user tags: the reserved prefix, lengths, more than 50 tags. */
export function checkTags(tags: ReadonlyMap<string, string>): void {
  let counted = 0;
  for (const [key, value] of tags) {
    if (key.length === 0) throw new AwsError('InvalidParameterValue', 'Tag keys must not be empty');
    if (Array.from(key).length > maximumKeyLength)
      throw new AwsError(
        'InvalidParameterValue',
        `Tag key '${key}' exceeds the maximum length of ${maximumKeyLength} characters`,
      );
    if (Array.from(value).length > maximumValueLength)
      throw new AwsError(
        'InvalidParameterValue',
        `Tag value exceeds the maximum length of ${maximumValueLength} characters (key ${key})`,
      );
    if (key.toLowerCase().startsWith('aws:'))
      throw new AwsError('InvalidParameterValue', `Tag keys starting with 'aws:' are reserved for internal use`);
    counted++;
  }
  if (counted > maximumTags)
    throw new AwsError('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
}

/** Tags of a request, by key. Throws InvalidParameterValue for a key that stands there twice. */
export function tagsByKey(pairs: ReadonlyArray<readonly [key: string, value: string]>): Tags {
  const tags: Tags = new Map();
  for (const [key, value] of pairs) {
    if (tags.has(key)) throw new AwsError('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
    tags.set(key, value);
  }
  return tags;
}

/** With tags in the instance metadata a key may only hold letters, digits and `+-=.,_:@` (user guide, Using_Tags). */
export function checkMetadataTagKeys(tags: ReadonlyMap<string, string>): void {
  for (const key of tags.keys()) {
    if (!/^[A-Za-z0-9+\-=.,_:@]+$/.test(key) || ['.', '..', '_index'].includes(key)) {
      throw new AwsError(
        'InvalidParameterValue',
        `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
      );
    }
  }
}
