import type { HistoryRecordEntry } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { readHistory } from './read-history.ts';

const atMs = Date.parse('2026-11-30T12:00:00Z');

function record(eventType: string, subType: string, text?: string, afterMs = 0): HistoryRecordEntry {
  return {
    Timestamp: new Date(atMs + afterMs),
    EventType: eventType as HistoryRecordEntry['EventType'],
    EventInformation: { EventSubType: subType, ...(text === undefined ? {} : { EventDescription: text }) },
  };
}

const read = (...of: Parameters<typeof record>) => readHistory([record(...of)])[0]!;
const repeated = (place: string, reason: string) =>
  `Repeated errors have occurred processing the launch specification "${place} while launching spot instance". It will not be retried for at least 13 minutes. Error message: ${reason}`;

describe('what EC2 documents and what histories were seen to say', () => {
  test('a quota, which a sentence names and a sub-type without a text repeats', () => {
    const place = 'c5.18xlarge, ami-0d09143c6fc181fe3, Linux/UNIX, us-east-1a';
    const event = read(
      'information',
      'launchSpecTemporarilyBlacklisted',
      repeated(place, 'Spot Max Instance Count Exceeded'),
    );
    expect(event).toMatchObject({
      kind: 'error',
      errorCode: 'quota-exceeded',
      message: 'Spot Max Instance Count Exceeded',
      offer: { machineType: 'c5.18xlarge', location: 'us-east-1a' },
      market: 'spot',
      restsUntilMs: atMs + 13 * 60_000,
      blocksLaunch: false,
      hint: expect.stringContaining('L-34B43A08') as string,
    });
    expect(read('error', 'spotInstanceCountLimitExceeded')).toMatchObject({
      kind: 'error',
      errorCode: 'quota-exceeded',
      message: expect.stringContaining('limit on the number of spot instances') as string,
      offer: null,
      market: 'spot',
      blocksLaunch: true,
    });
  });

  test('a lack of capacity, which comes as a configuration that is not valid', () => {
    const text =
      'm3.large, ami-00413793e4d8a02c8, Linux/UNIX: There is no Spot capacity available that matches your request.';
    expect(read('error', 'spotFleetRequestConfigurationInvalid', text)).toMatchObject({
      errorCode: 'no-capacity',
      message: 'There is no Spot capacity available that matches your request.',
      offer: { machineType: 'm3.large', location: null },
    });
    const onDemand =
      'p2.xlarge, ami-0e02647cb673cb89a, Linux/UNIX: We currently do not have sufficient p2.xlarge capacity in the Availability Zone you requested';
    expect(read('error', 'spotFleetRequestConfigurationInvalid', onDemand).errorCode).toBe('no-capacity');
  });

  test('a type that a zone lacks, and a price below the market', () => {
    const lacking =
      'p2.xlarge, ami-0e02647cb673cb89a, Linux/UNIX, eu-central-1c, requested instance type is not supported in the requested Availability Zone';
    expect(read('information', 'launchSpecUnusable', lacking)).toMatchObject({
      errorCode: 'pool-invalid',
      offer: { machineType: 'p2.xlarge', location: 'eu-central-1c' },
      message: 'requested instance type is not supported in the requested Availability Zone',
    });
    const cheap =
      'c4.xlarge, ami-0947d2ba12ee1ff75, Linux/UNIX, us-east-1a, Spot price in either SpotFleetRequestConfigData or SpotFleetLaunchSpecification or LaunchTemplate or LaunchTemplateOverrides is less than Spot market price $0.0619';
    expect(read('information', 'launchSpecUnusable', cheap)).toMatchObject({
      errorCode: 'no-capacity',
      hint: expect.stringContaining('raise it') as string,
      message: expect.stringContaining('$0.0619') as string,
    });
  });

  test('a wrong configuration of a type, and a role that may nothing', () => {
    const text = "m3.large, ami-0123456789abcdef0, Linux/UNIX: IPv6 is not supported for the instance type 'm3.large'.";
    expect(read('error', 'spotFleetRequestConfigurationInvalid', text)).toMatchObject({
      errorCode: 'pool-invalid',
      message: "IPv6 is not supported for the instance type 'm3.large'.",
      blocksLaunch: true,
    });
    expect(read('error', 'iamFleetRoleInvalid')).toMatchObject({
      errorCode: 'access-denied',
      hint: expect.stringContaining('create-service-linked-role') as string,
    });
  });

  test('an end of all tries, whose reason is the one before', () => {
    const all = 'Several attempts to launch instances have failed. We will retry the request again later.';
    const place = 'g5.xlarge, ami-0a1b, Linux/UNIX, us-east-1b';
    const events = readHistory([
      record('error', 'allLaunchSpecsTemporarilyBlacklisted', all, 60_000),
      record(
        'information',
        'launchSpecTemporarilyBlacklisted',
        repeated(place, "The image id '[ami-0a1b]' does not exist"),
      ),
    ]);
    expect(events.map(({ errorCode, message }) => [errorCode, message])).toEqual([
      ['config-invalid', "The image id '[ami-0a1b]' does not exist"],
      ['config-invalid', all],
    ]);
    expect(readHistory([record('error', 'allLaunchSpecsTemporarilyBlacklisted', all)])[0]).toMatchObject({
      errorCode: 'cloud-error',
      blocksLaunch: true,
    });
  });

  test('a sentence that is cut after its first word, with the reason before it', () => {
    const place = 'c5.xlarge, ami-096981b2599d2d99b, Linux/UNIX';
    const reason = 'Value (arn:x) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN';
    const events = readHistory([
      record('information', 'launchSpecTemporarilyBlacklisted', repeated(`${place}, us-east-1a`, reason)),
      record('error', 'spotFleetRequestConfigurationInvalid', `${place}: Value`, 1000),
    ]);
    expect(events.at(-1)).toMatchObject({ errorCode: 'config-invalid', message: reason });
  });

  test('a machine that was launched, whose description alone is JSON', () => {
    const json =
      '{"instanceType":"g5.xlarge","image":"ami-1","productDescription":"Linux/UNIX","availabilityZone":"us-east-1a"}';
    expect(read('instanceChange', 'launched', json)).toMatchObject({
      kind: 'machine',
      errorCode: null,
      message: '',
      offer: { machineType: 'g5.xlarge', location: 'us-east-1a' },
    });
  });
});

describe('kinds and sub-types in other spellings', () => {
  test.each([
    ['error', 'error'],
    ['service-error', 'error'],
    ['serviceError', 'error'],
    ['EC2 Fleet Error', 'error'],
    ['information', 'information'],
    ['EC2 Fleet Information', 'information'],
    ['instance-change', 'machine'],
    ['instanceChange', 'machine'],
    ['EC2 Fleet Instance Change', 'machine'],
    ['EC2 Spot Fleet Instance Change', 'machine'],
    ['fleet-change', 'state'],
    ['fleetRequestChange', 'state'],
    ['EC2 Fleet State Change', 'state'],
    ['spotInstanceRequestChange', 'information'],
    ['something-new', 'information'],
  ])('%s is %s', (eventType, kind) => {
    expect(read(eventType, 'whatever', 'a text').kind).toBe(kind);
  });

  test.each([
    'launchSpecTemporarilyBlacklisted',
    'launch-spec-temporarily-blacklisted',
    'LAUNCHSPECTEMPORARILYBLACKLISTED',
  ])('%s says of one offer that it failed, in whichever kind it comes', (subType) => {
    const text = repeated('g5.xlarge, ami-1, Linux/UNIX, us-east-1a', 'a new reason that nobody knows');
    for (const eventType of ['error', 'information', 'service-error'])
      expect(read(eventType, subType, text)).toMatchObject({
        kind: 'error',
        code: subType,
        errorCode: 'cloud-error',
        message: 'a new reason that nobody knows',
        blocksLaunch: false,
      });
  });

  test('an event with nothing in it is one of a kind that nobody knows', () => {
    expect(readHistory([{}])[0]).toMatchObject({ kind: 'information', code: 'unknown', message: '', atMs: 0 });
  });
});

describe('reasons', () => {
  const place = 'g5.xlarge, ami-0a1b2c3d, Linux/UNIX, us-west-2c';
  test.each([
    [
      'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket',
      'quota-exceeded',
    ],
    [
      'You have requested more instances (1) than your current instance limit of 0 allows for the type.',
      'quota-exceeded',
    ],
    ['Max spot instance count exceeded', 'quota-exceeded'],
    ['You have exceeded your maximum gp3 storage limit of 50 TiB in this region.', 'quota-exceeded'],
    [
      "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances.",
      'no-capacity',
    ],
    ['Insufficient capacity.', 'no-capacity'],
    ['capacity-oversubscribed: there is no more unused capacity available in this pool', 'no-capacity'],
    ['Unable to fulfill capacity due to your request configuration.', 'no-capacity'],
    [
      'Your Spot request price of 0.01 is lower than the minimum required Spot request fulfillment price of 0.5.',
      'no-capacity',
    ],
    ["The image id '[ami-0a1b2c3d]' does not exist", 'config-invalid'],
    ["The security group 'sg-1' does not exist", 'config-invalid'],
    ["The subnet ID 'subnet-9' does not exist", 'pool-invalid'],
    ['Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name', 'config-invalid'],
    ["Volume of size 8GB is smaller than snapshot 'snap-1', expect size>= 30GB", 'config-invalid'],
    ['No default VPC for this user', 'config-invalid'],
    ['User data is limited to 16384 bytes', 'user-data-too-large'],
    [
      "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the specified AMI.",
      'pool-invalid',
    ],
    ["Invalid value 'g5.tiny' for InstanceType.", 'instance-type-unknown'],
    [
      'Your requested instance type (g5.xlarge) is not supported in your requested Availability Zone (us-west-2c).',
      'pool-invalid',
    ],
    ['You are not authorized to perform this operation. Encoded authorization failure message: x', 'access-denied'],
    [
      'User: x is not authorized to perform: iam:PassRole with an explicit deny in a service control policy',
      'access-denied',
    ],
    [
      'The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.',
      'access-denied',
    ],
    ['You are not subscribed to this service.', 'access-denied'],
    ['Request limit exceeded.', 'cloud-error'],
    ['Your request for accessing resources in this region is being validated', 'cloud-error'],
    ['(Service: AmazonEC2; Status Code: 500; Error Code: InsufficientInstanceCapacity; Request ID: 1)', 'no-capacity'],
    ['Der Fehler ist neu.', 'cloud-error'],
  ])('%s: %s', (reason, errorCode) => {
    const event = read('information', 'launchSpecTemporarilyBlacklisted', repeated(place, reason));
    expect(event).toMatchObject({ errorCode, message: reason });
    expect(event.hint).not.toBeNull();
  });
});

describe('places', () => {
  test.each([
    ['g5.xlarge, ami-1, Linux/UNIX (Amazon VPC), us-east-1a: no', 'g5.xlarge', 'us-east-1a'],
    ['p5.48xlarge, ami-1, Red Hat Enterprise Linux, us-gov-west-1b: no', 'p5.48xlarge', 'us-gov-west-1b'],
    ['g4dn.xlarge, ami-1, Linux/UNIX, us-west-2-lax-1a: no', 'g4dn.xlarge', 'us-west-2-lax-1a'],
    ['u-6tb1.112xlarge, ami-1, Linux/UNIX: no', 'u-6tb1.112xlarge', null],
    ['p6-b200.48xlarge, ami-1, Linux/UNIX, ap-southeast-2a, no', 'p6-b200.48xlarge', 'ap-southeast-2a'],
    ['m7i.metal-24xl, ami-1, Windows, eu-north-1a: no', 'm7i.metal-24xl', 'eu-north-1a'],
  ])('%s', (text, machineType, location) => {
    const event = read('error', 'spotFleetRequestConfigurationInvalid', text);
    expect(event).toMatchObject({ offer: { machineType, location }, message: 'no' });
  });

  test.each(['', 'no place here', '{"not": "json', '{"a": 1}', 'ami-1, Linux/UNIX: no type'])(
    'a text without one stays as it is: %s',
    (text) => {
      const event = read('information', 'launchSpecTemporarilyBlacklisted', text);
      expect(event).toMatchObject({ offer: null, message: text, restsUntilMs: null });
    },
  );

  test.each([
    ['not be retried for at least 1 minute.', 60_000],
    ['not be retried for at least 90 seconds.', 90_000],
    ['not be retried for at least 2 hours.', 7_200_000],
  ])('a rest: %s', (text, restMs) => {
    expect(read('error', 'launchSpecTemporarilyBlacklisted', `It will ${text}`).restsUntilMs).toBe(atMs + restMs);
  });
});

describe('how long a reason holds', () => {
  const place = 'g5.xlarge, ami-0a1b2c3d, Linux/UNIX, us-west-2c';
  const natureOf = (reason: string) =>
    read('information', 'launchSpecTemporarilyBlacklisted', repeated(place, reason)).nature ?? null;

  test.each([
    'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket',
    'You have requested more instances (1) than your current instance limit of 0 allows for the type.',
  ])('a quota of 0 has no room whoever ends: %s', (reason) => {
    expect(natureOf(reason)).toBe('lasting');
  });

  test.each([
    'Max spot instance count exceeded',
    'You have requested more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket',
    'You have exceeded your maximum gp3 storage limit of 50 TiB in this region.',
    "The image id '[ami-0a1b2c3d]' does not exist",
    'There is no Spot capacity available that matches your request.',
    'Value (12) for parameter size is invalid.',
  ])('nothing is known of: %s', (reason) => {
    expect(natureOf(reason)).toBeNull();
  });

  test.each([
    'Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name',
    "The security group 'sg-1' does not exist",
    "The subnet ID 'subnet-9' does not exist",
    "The launch template 'lt-1' does not exist",
    'You are not authorized to perform this operation. Encoded authorization failure message: x',
    'The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.',
  ])('it may pass by itself a moment after the launch: %s', (reason) => {
    expect(natureOf(reason)).toBe('settling');
  });

  test('a sentence without a reason says so, with that of another error or without', () => {
    const all = record('error', 'allLaunchSpecsTemporarilyBlacklisted', 'Several attempts have failed.', 1000);
    const one = record('information', 'launchSpecTemporarilyBlacklisted', repeated(place, 'Insufficient capacity.'));
    expect(readHistory([all]).map(({ nature }) => nature)).toEqual(['no-reason']);
    expect(readHistory([one, all]).map(({ nature, errorCode }) => [nature, errorCode])).toEqual([
      [undefined, 'no-capacity'],
      ['no-reason', 'no-capacity'],
    ]);
  });
});
