import { RunctlError } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { describeProvider, type ProviderUnderTest } from '../conformance.ts';
import type { Provider } from '../port/index.ts';
import { MemoryCloud, MemoryProvider } from './index.ts';
import type { MemoryRules } from './rules.ts';

const SLOW: Partial<MemoryRules> = { startMs: 2000, makeMs: 1000, endMs: 3000 };

async function memoryUnderTest(rules: Partial<MemoryRules>): Promise<ProviderUnderTest> {
  const clock = new FakeClock();
  const cloud = new MemoryCloud(clock, { ...SLOW, ...rules });
  cloud.shell = () => Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
  const client = (): Provider => new MemoryProvider(cloud);
  return {
    provider: client(),
    another: client,
    wish: {
      machineTypes: ['small.gpu', 'large.gpu'],
      market: cloud.rules.markets[0] ?? 'on-demand',
      architecture: 'x64',
      settings: {},
      image: null,
      rootDiskGiB: null,
    },
    unknown: { machineType: 'smal.gpu', image: 'image-9', ref: { id: 'capacity-nobody' } },
    faults: {
      loseLaunchAnswer: () => cloud.faults.loseAnswer('launch'),
      exhaustQuota: () => cloud.faults.failNext('launch', new RunctlError('quota-exceeded', 'the quota is used up')),
      throttleReads: () => cloud.faults.throttle(2),
      setRoom: (market, room) => cloud.setRoom({ market }, room === 'none' ? 0 : null),
      breakTarget: () =>
        cloud.setRefusal({ code: 'BadImage', errorCode: 'config-invalid', message: 'the image does not start' }),
      hideNew: (hidden) => cloud.hideNew(hidden ? 3_600_000 : 0),
      lose: (machineId) => cloud.lose(machineId),
    },
    nowMs: () => clock.wallMs(),
    pass: () => clock.advance(250),
    settle: () => clock.advance(60_000),
    shortLifeMs: 20_000,
    [Symbol.asyncDispose]: async () => {},
  };
}

describeProvider('a memory cloud', () => memoryUnderTest({}));
describeProvider('a memory cloud that recovers nothing', () =>
  memoryUnderTest({ recovers: 'no', markets: ['on-demand'] }),
);
