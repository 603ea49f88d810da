import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { regionServer, type RegionServer } from '../testing/region-server.ts';
import { actionsWithParameters } from './parameter-names.ts';
import { ec2ActionNames } from './service.ts';

let region: RegionServer;
beforeAll(async () => {
  region = await regionServer();
});
afterAll(() => region[Symbol.asyncDispose]());

/** The code that a raw request is refused with; empty when it is answered. */
async function codeOf(fields: Record<string, string>): Promise<string> {
  const { accessKeyId } = region.compute.credentials.userKey;
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261130/us-east-1/ec2/aws4_request`;
  const body = new URLSearchParams({ Version: '2016-11-15', ...fields });
  const answer = await fetch(region.endpoint, { method: 'POST', headers: { authorization }, body });
  return /<Code>([^<]+)</.exec(await answer.text())?.[1] ?? '';
}

test('the parameters of every action are known', () => {
  expect(ec2ActionNames.filter((name) => !actionsWithParameters.includes(name))).toEqual([]);
});

test.each([
  [{ Action: 'DescribeInstances' }, ''],
  [{ Action: 'DescribeInstances', Version: '2016-11-16' }, 'NoSuchVersion'],
  [{ Action: 'DescribeInstances', Version: '' }, 'MissingParameter'],
  [{ Action: 'DescribeInstances', InstanceIds: 'i-1' }, 'UnknownParameter'],
  [{ Action: 'DescribeInstances', 'Filters.1.Name': 'x' }, 'UnknownParameter'],
  [{ Action: 'DescribeThings' }, 'InvalidAction'],
])('%j is answered with %j', async (fields, code) => {
  expect(await codeOf(fields)).toBe(code);
});

describe('MaxResults', () => {
  test.each([
    ['DescribeInstances', 4, 1001],
    ['DescribeInstanceTypes', 4, 101],
    ['DescribeTags', 4, 1001],
    ['DescribeFleets', 0, 1001],
    ['DescribeLaunchTemplates', 0, 201],
    ['DescribeSpotPriceHistory', 0, 1001],
  ])('of %s is above %d and below %d', async (Action, below, above) => {
    for (const size of [below, above, -1]) {
      expect(await codeOf({ Action, MaxResults: String(size) })).toBe('InvalidParameterValue');
    }
    for (const size of [below + 1, above - 1]) expect(await codeOf({ Action, MaxResults: String(size) })).toBe('');
  });
});

describe('a tag', () => {
  const tagged = (tags: ReadonlyArray<readonly [string, string]>) =>
    codeOf({
      Action: 'CreateLaunchTemplate',
      LaunchTemplateName: `t-${tags.length}-${tags[0]?.[0].length}-${tags[0]?.[1].length}`,
      'LaunchTemplateData.InstanceType': 'c7i.large',
      'TagSpecification.1.ResourceType': 'launch-template',
      ...Object.fromEntries(
        tags.flatMap(([key, value], index) => [
          [`TagSpecification.1.Tag.${index + 1}.Key`, key],
          [`TagSpecification.1.Tag.${index + 1}.Value`, value],
        ]),
      ),
    });

  test('may have 128 characters in its key and 256 in its value, whatever their bytes', async () => {
    expect(await tagged([['🚀'.repeat(128), '東'.repeat(256)]])).toBe('');
    expect(await tagged([['k'.repeat(129), '']])).toBe('InvalidParameterValue');
    expect(await tagged([['k', 'v'.repeat(257)]])).toBe('InvalidParameterValue');
  });

  test('may stand there once, with 49 others', async () => {
    const numbered = (count: number) => Array.from({ length: count }, (_, index) => [`k${index}`, ''] as const);
    expect(await tagged(numbered(50))).toBe('');
    expect(await tagged(numbered(51))).toBe('TagLimitExceeded');
    expect(
      await tagged([
        ['k', '1'],
        ['k', '2'],
      ]),
    ).toBe('InvalidParameterValue');
  });
});
