import { systemClock, type Clock } from '@runctl/core';
import { regionServer, type RegionServer } from '@runctl/sandbox/testing';
import type { ProviderUnderTest } from '../../conformance.ts';
import { createAwsProvider } from '../index.ts';
import { forgetfulProxy } from './forgetful-proxy.ts';

/** Pauses between repeated calls are long at AWS and short here. */
const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 50, signal) };

/** The AWS adapter on a region of the local cloud, whose machines are objects. */
export async function awsUnderTest(): Promise<ProviderUnderTest & { readonly region: RegionServer }> {
  const region = await regionServer();
  const proxy = await forgetfulProxy(region.endpoint);
  const { settings, credentials } = region.compute;
  const clients: { close(): void }[] = [];
  const client = () => {
    const made = createAwsProvider({
      region: 'us-east-1',
      endpoints: { ec2: proxy.endpoint, ssm: proxy.endpoint, sts: proxy.endpoint, pricing: proxy.endpoint },
      credentials: credentials.userKey,
      clock: hurried,
    });
    clients.push(made);
    return made;
  };
  return {
    region,
    provider: client(),
    another: client,
    wish: {
      machineTypes: ['g5.xlarge', 'g4dn.xlarge'],
      market: 'spot',
      architecture: 'x64',
      settings: { instanceProfile: 'runctl-instance' },
      image: null,
      rootDiskGiB: 100,
    },
    unknown: {
      machineType: 'g5.xlarg',
      image: 'ami-0123456789abcdef9',
      ref: {
        region: 'us-east-1',
        fleetId: 'fleet-00000000-0000-0000-0000-000000000000',
        launchTemplateId: 'lt-00000000000000000',
      },
    },
    faults: {
      // The SDK itself asks twice.
      loseLaunchAnswer: () => proxy.lose('CreateFleet', 2),
      exhaustQuota: () => settings.failNext('CreateFleet', 'MaxFleetCountExceeded'),
      throttleReads: () => settings.failNext('*', 'RequestLimitExceeded', { times: 2 }),
      setRoom: (market, room) => settings.setCapacity({ market }, room === 'none' ? 0 : null),
      breakTarget: () =>
        settings.failNext('FleetLaunch', 'InvalidParameterValue', {
          times: 1000,
          message: 'Invalid IAM Instance Profile name',
        }),
      hideNew: (hidden) => settings.setDelays({ eventualConsistencyMs: hidden ? 3_600_000 : 0 }),
      lose: (machineId) => region.driver.of(machineId).crash(),
    },
    nowMs: () => Date.now(),
    pass: () => systemClock.sleep(25),
    settle: () => systemClock.sleep(250),
    shortLifeMs: 1500,
    [Symbol.asyncDispose]: async () => {
      for (const each of clients) each.close();
      await proxy[Symbol.asyncDispose]();
      await region[Symbol.asyncDispose]();
    },
  };
}
