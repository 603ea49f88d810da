import type { EC2Client } from '@aws-sdk/client-ec2';
import { isRunctlError } from '@runctl/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAwsClients, type AwsClients } from '../api/clients.ts';
import { accountUnderTest } from '../testing/account-under-test.ts';
import { typesHere } from './offered-types.ts';
import { findOffers } from './offers.ts';

let under: Awaited<ReturnType<typeof accountUnderTest>>;
let clients: AwsClients;
beforeEach(async () => {
  under = await accountUnderTest();
  clients = createAwsClients(under.access);
});
afterEach(async () => {
  clients.close();
  await under[Symbol.asyncDispose]();
});

/** The region without these types: EC2 refuses a description that names one, and offers it nowhere. */
function without(client: EC2Client, ...missing: readonly string[]): EC2Client {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { InstanceTypes = [] } = args.input as { readonly InstanceTypes?: readonly string[] };
      const unknown = InstanceTypes.filter((type) => missing.includes(type));
      if (unknown.length > 0)
        throw Object.assign(new Error(`The following supplied instance types do not exist: [${unknown.join(', ')}]`), {
          name: 'InvalidInstanceType',
        });
      const answer = await next(args);
      const output = answer.output as { InstanceTypeOfferings?: readonly { readonly InstanceType?: string }[] };
      if (output.InstanceTypeOfferings !== undefined)
        output.InstanceTypeOfferings = output.InstanceTypeOfferings.filter(
          ({ InstanceType = '' }) => !missing.includes(InstanceType),
        );
      return answer;
    },
    { step: 'initialize' },
  );
  return client;
}

const wish = { machineTypes: [], market: 'spot', architecture: null, settings: {} } as const;

const offeredTypes = async (client: EC2Client, changes: Partial<Parameters<typeof findOffers>[1]> = {}) => {
  const offers = await findOffers(
    client,
    { ...wish, ...changes },
    {
      prices: () => Promise.resolve(new Map()),
      nowMs: Date.now(),
    },
  );
  return [...new Set(offers.map(({ machineType }) => machineType))].toSorted();
};

test.each([
  ['has all of them', [], ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge']],
  ['lacks the newest', ['g6.xlarge'], ['g4dn.xlarge', 'g5.xlarge']],
  ['has the oldest alone', ['g6.xlarge', 'g5.xlarge'], ['g4dn.xlarge']],
])(
  'a launch that names no type takes those of the usual ones that a region has: it %s',
  async (_what, missing, types) => {
    expect(await offeredTypes(without(clients.reading, ...missing))).toEqual(types);
  },
);

test('a region that has none of them is said to', async () => {
  const region = without(clients.reading, 'g4dn.xlarge', 'g5.xlarge', 'g6.xlarge');
  const error: unknown = await offeredTypes(region).catch((problem: unknown) => problem);
  if (!isRunctlError(error, 'instance-type-unknown')) throw error;
  expect(error.message).toContain('none of the types that runctl takes where none is named: g4dn.xlarge, ');
  expect(error.hint).toContain('--instance-type');
});

test('a type that is named is refused where the region lacks it', async () => {
  const asked = offeredTypes(without(clients.reading, 'g6.xlarge'), { machineTypes: ['g5.xlarge', 'g6.xlarge'] });
  await expect(asked).rejects.toMatchObject({ code: 'instance-type-unknown' });
});

test('another refusal of a description is no matter of the region', async () => {
  under.region.compute.settings.failNext('DescribeInstanceTypes', 'UnauthorizedOperation', {
    message: 'not authorized',
  });
  await expect(typesHere(clients.reading, ['g5.xlarge'])).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
});
