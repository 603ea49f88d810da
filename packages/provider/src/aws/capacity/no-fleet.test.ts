import type { CreateFleetError } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { noFleet } from './no-fleet.ts';

function failed(ErrorCode: string, zone: string, ErrorMessage = 'a reason'): CreateFleetError {
  return {
    ErrorCode,
    ErrorMessage,
    Lifecycle: 'spot',
    LaunchTemplateAndOverrides: { Overrides: { InstanceType: 'g5.xlarge', AvailabilityZone: zone } },
  };
}

test('each pool is named with its own reason, and those that were perhaps not tried decide nothing', () => {
  const error = noFleet([
    failed('UnfulfillableCapacity', 'a'),
    failed('MaxSpotInstanceCountExceeded', 'b', 'Max spot instance count exceeded'),
    failed('InsufficientInstanceCapacity', 'c', 'no room'),
  ]);
  expect(error).toMatchObject({
    code: 'quota-exceeded',
    message:
      'EC2 made no fleet: g5.xlarge a spot: perhaps not tried (UnfulfillableCapacity); g5.xlarge b spot: Max spot instance count exceeded (MaxSpotInstanceCountExceeded); g5.xlarge c spot: no room (InsufficientInstanceCapacity)',
    hint: expect.stringContaining('quota') as string,
  });
});

test.each([
  ['a right that is missing, inside a good answer', [failed('UnauthorizedOperation', 'a')], 'access-denied'],
  ['nothing but pools that were not tried', [failed('UnfulfillableCapacity', 'a')], 'no-capacity'],
  ['a code that nobody knows', [failed('SomethingNew', 'a')], 'cloud-error'],
  ['no error at all', [], 'cloud-error'],
  ['an error with nothing in it', [{}], 'cloud-error'],
] as const)('%s', (_what, errors, code) => {
  expect(noFleet(errors).code).toBe(code);
});
