import { systemClock, type Clock } from '@runctl/core';
import { expect, test } from 'vitest';
import { createAwsClients } from '../api/clients.ts';
import { accountUnderTest } from '../testing/account-under-test.ts';
import { waitUntilUsable } from './usable-profile.ts';

/** Whoever sleeps wakes at once, and later. */
function fastClock(): Clock {
  let sleptMs = 0;
  const sleep = (ms: number): Promise<void> => {
    sleptMs += ms;
    return Promise.resolve();
  };
  return { ...systemClock, monotonicMs: () => sleptMs, sleep };
}

/** What is said of a profile that EC2 does not know, where it refuses the dry run with `code`. */
async function noteOf(code: string | null): Promise<string | null> {
  await using under = await accountUnderTest();
  const clients = createAwsClients(under.access);
  // The SDK itself asks twice.
  if (code !== null) under.region.compute.settings.failNext('RunInstances', code, { times: 2 });
  const { note } = await waitUntilUsable(clients, fastClock(), 'just-made');
  clients.close();
  return note;
}

test.each([
  'UnauthorizedOperation',
  'InvalidSubnetID.NotFound',
  'VPCIdNotSpecified',
  'InvalidAMIID.NotFound',
  'InsufficientInstanceCapacity',
  'InstanceLimitExceeded',
  'Unsupported',
  'OptInRequired',
  'PendingVerification',
  'RequestLimitExceeded',
])('%s tells nothing of a profile, which is given the usual time', async (code) => {
  expect(await noteOf(code)).toBe('EC2 usually knows it after 10 s; it could not be tried');
});

test('a profile that EC2 never knows is said to be so', async () => {
  expect(await noteOf(null)).toBe('EC2 does not know it after 1m: wait before you launch');
});
