import { systemClock, type Clock } from '@runctl/core';
import { regionServer, type RegionServer } from '@runctl/sandbox/testing';
import { createAwsProvider } from '../index.ts';

/** Pauses between repeated calls are long at AWS and short here. */
const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };

/** The AWS adapter on an account of the local cloud that has all that a launch needs, but a bucket. */
export async function accountUnderTest(keys: { readonly expiration?: Date } = {}) {
  const region: RegionServer = await regionServer({ profileDelayMs: 0 });
  const { endpoint } = region;
  const access = {
    region: 'us-east-1',
    endpoints: {
      ec2: endpoint,
      ssm: endpoint,
      sts: endpoint,
      iam: endpoint,
      serviceQuotas: endpoint,
      pricing: endpoint,
      s3: endpoint,
    },
    credentials: { ...region.compute.credentials.userKey, ...keys },
  };
  const provider = createAwsProvider({ ...access, clock: hurried });
  return {
    region,
    access,
    provider,
    account: provider.account,
    [Symbol.asyncDispose]: async () => {
      provider.close();
      await region[Symbol.asyncDispose]();
    },
  };
}
