import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '@runctl/testkit';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MetadataTokens } from '../imds/tokens.ts';
import { readConsoleTail } from '../machine/console-tail.ts';
import { runInside } from '../machine/run-inside.ts';
import { Faults, type FaultSubject } from '../model/s3/faults.ts';
import { imageId, modelRegion } from '../model/testing/model-region.ts';
import { Parameters } from '../wire/query-parameters.ts';
import { filtered } from './ec2/filters.ts';
import { fleetConfigOf } from './ec2/fleet-parameters.ts';
import { spotActions } from './ec2/spot-actions.ts';
import { targetOf } from './s3/call/call.ts';
import { parseRequestXml } from './s3/call/xml.ts';
import { Input } from './ssm/input.ts';
import { parameterActions } from './ssm/parameter-actions.ts';

/** Requests that anybody with a key can send, and that would each freeze or fill a region that takes them at their word. */

const form = (fields: Record<string, string>) => Parameters.parse(new URLSearchParams(fields));
const numbered = (name: string, count: number, value: (index: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}.${index + 1}`, value(index)]));
const coded = (code: string) => expect.objectContaining({ code }) as unknown as Error;

describe('a filter', () => {
  const asked = (values: Record<string, string>, items: readonly string[]) =>
    filtered(form({ 'Filter.1.Name': 'any', ...values }), items, (item) => () => [item]);

  test('with 120 stars and question marks is answered at once', () => {
    expect(asked({ 'Filter.1.Value.1': `${'?*'.repeat(120)}b` }, ['a'.repeat(256)])).toEqual([]);
  });

  test('with more values, more text or more work than EC2 takes is refused', () => {
    expect(() => asked(numbered('Filter.1.Value', 201, String), ['x'])).toThrow(coded('FilterLimitExceeded'));
    expect(() => asked({ 'Filter.1.Value.1': 'x'.repeat(256) }, ['x'])).toThrow(coded('InvalidParameterValue'));
    const worst = numbered('Filter.1.Value', 200, (index) => `*${'a'.repeat(250)}${index}`);
    const tags = Array.from({ length: 5000 }, () => 'a'.repeat(256));
    expect(() => asked(worst, tags)).toThrow(coded('FilterLimitExceeded'));
  });
});

describe('a query', () => {
  test('for the prices of one type, named 15,000 times, has the rows of that type once', () => {
    const at = { clock: { nowMs: () => Date.parse('2026-11-30T00:00:00Z') } };
    const rowsOf = (count: number) => {
      const parameters = form({ ...numbered('InstanceType', count, () => 'g5.xlarge'), MaxResults: '1000' });
      const answer = spotActions['DescribeSpotPriceHistory']?.({ parameters, compute: at } as never);
      return (answer as { spotPriceHistorySet: unknown[] }).spotPriceHistorySet;
    };
    expect(rowsOf(15_000)).toEqual(rowsOf(1));
  });

  test('with 200,000 levels or 30,000 parameters is refused', () => {
    expect(() => form({ [`${'a.'.repeat(200_000)}b`]: 'x' })).toThrow(coded('InvalidQueryParameter'));
    expect(() => form(numbered('InstanceId', 30_000, () => 'i-1'))).toThrow(coded('InvalidQueryParameter'));
  });

  test('for a milliard of machines launches none', async () => {
    await using region = await modelRegion();
    const data = { imageId, instanceType: 'c7i.large' };
    expect(() => region.compute.launcher.place(data, null, 1e9)).toThrow(coded('InstanceLimitExceeded'));
    const target = { Type: 'maintain', 'TargetCapacitySpecification.TotalTargetCapacity': '1000000000' };
    expect(() => fleetConfigOf(form({ ...target, ...templateConfig }))).toThrow(
      coded('InvalidTargetCapacitySpecification'),
    );
  });
});

const templateConfig = {
  'LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId': 'lt-0123456789abcdef0',
  'LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version': '1',
};

describe('a request to S3', () => {
  const read = (host: string) => targetOf({ url: '/x', method: 'GET', headers: { host } } as never);

  test('for a host of dashes, or one longer than any name, is answered at once', () => {
    expect(read(`b.s3${'-'.repeat(200)}!`).bucket).toBe('x');
    expect(() => read(`${'a.s3.'.repeat(3000)}!`)).toThrow(coded('InvalidURI'));
    expect(read('b.s3.dualstack.us-east-1.amazonaws.com:443').bucket).toBe('b');
  });

  test.each([
    ['a million tags', `<Delete>${'<Object><Key>k</Key></Object>'.repeat(250_000)}</Delete>`],
    ['100,000 levels', `<Delete>${'<a>'.repeat(90_000)}${'</a>'.repeat(90_000)}</Delete>`],
    [
      'entities',
      '<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY y "&x;&x;">]><Delete><Object><Key>&y;</Key></Object></Delete>',
    ],
    ['__proto__', '<Delete><Object><__proto__>k</__proto__></Object></Delete>'],
    ['constructor', '<constructor><Object><Key>k</Key></Object></constructor>'],
  ])('with %s in its XML is refused as malformed', (_, text) => {
    expect(() => parseRequestXml(text, 'Delete')).toThrow(coded('MalformedXML'));
  });
});

test('a fault pattern of stars is matched at once, and a regular expression is refused', () => {
  const rule = (keyPattern: string) => new Faults([{ match: { keyPattern }, effect: { kind: 'reset' } }]);
  const subject: FaultSubject = {
    operation: 'GetObject',
    bucket: 'b',
    key: `${'a'.repeat(1000)}!`,
    prefix: undefined,
    instanceId: undefined,
    partNumber: undefined,
  };
  expect(rule(`${'*a'.repeat(400)}*b`).next(subject)).toBeUndefined();
  expect(() => rule('/^(a+)+$/')).toThrow('use a glob');
});

test('a path of a million slashes is refused', () => {
  const input = Input.parse(JSON.stringify({ Path: `${'/'.repeat(1_000_000)}x` }));
  expect(() => parameterActions['GetParametersByPath']?.(input, {} as never)).toThrow(coded('ValidationException'));
});

test('of a command that prints for ever the first 4 MiB are kept', async () => {
  const command = { command: 'sh', args: ['-c', 'yes | head -c 20000000'], env: { PATH: '/usr/bin:/bin' }, cwd: '/' };
  const { stdout, exitCode } = await runInside({ ...command, timeoutMs: 20_000 });
  expect(exitCode).toBe(0);
  expect(stdout.length).toBe(4 * 1024 ** 2);
});

test('of a console as large as the disk the last MiB is read', async () => {
  await using folder = await temporaryFolder('runctl-console');
  const path = join(folder.path, 'console.log');
  await writeFile(path, `${'x'.repeat(3_000_000)}end`);
  const tail = await readConsoleTail(path);
  expect(tail.length).toBe(1024 ** 2);
  expect(tail.subarray(-4).toString()).toBe('xend');
});

test('whoever asks for metadata tokens without end pushes out the oldest, and not the memory', () => {
  const tokens = new MetadataTokens(() => 0);
  const [first, second] = [tokens.issue('60'), tokens.issue('60')];
  for (let count = 2; count < 10_001; count++) tokens.issue('60');
  expect(tokens.isValid(first?.token ?? '')).toBe(false);
  expect(tokens.isValid(second?.token ?? '')).toBe(true);
});
