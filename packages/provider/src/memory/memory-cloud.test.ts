import { RunctlError } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import type { CapacityRequest, Provider } from '../port/index.ts';
import { MemoryCloud, MemoryProvider } from './index.ts';
import type { MemoryRules } from './rules.ts';

const written = { specSha256: 'c'.repeat(64), intentSha256: null };

function world(rules: Partial<MemoryRules> = {}) {
  const clock = new FakeClock();
  const cloud = new MemoryCloud(clock, rules);
  const provider: Provider = new MemoryProvider(cloud);
  const request = (changes: Partial<CapacityRequest> = {}): CapacityRequest => ({
    token: `token-${changes.launch ?? 1}`,
    run: 'r-1',
    launch: 1,
    runName: null,
    project: 'p',
    user: 'u',
    target: {},
    boot: {
      config: { version: 2, run: 'r-1', launch: 1, bucket: 'b', prefix: '', region: 'r', written },
      tools: { agentKey: 'a', agentSha256: 'a', nodeKey: 'n', nodeSha256: 'n' },
      bootGuardMs: 1,
      refusedMs: 1,
      standstillMs: 1,
    },
    offers: ['memory-1a', 'memory-1b'].map((location) => ({
      machineType: 'small.gpu',
      location,
      market: 'spot' as const,
      pricePerHourUsd: 0.4,
    })),
    market: 'spot',
    nodes: 1,
    validUntilMs: clock.wallMs() + 3_600_000,
    ...changes,
  });
  const states = async () => (await provider.machines('r-1')).map(({ machineId, state }) => `${machineId} ${state}`);
  return { clock, cloud, provider, request, states };
}

describe('time', () => {
  test('makes, starts and ends machines when that is due, however late somebody looks', async () => {
    const { clock, cloud, provider, request, states } = world({ makeMs: 10, startMs: 20, endMs: 30 });
    const ref = await provider.launch(request());
    expect(await states()).toEqual([]);
    await clock.advance(10);
    expect(await states()).toEqual(['m-1 starting']);
    await clock.advance(20);
    expect(await states()).toEqual(['m-1 running']);
    cloud.lose('m-1');
    await clock.advance(1000);
    const [first, second] = await provider.machines('r-1');
    expect(second?.launchedAtMs).toBe((first?.launchedAtMs ?? 0) + 20 + 10);
    await provider.end({ run: 'r-1', launch: 1, ref }, { terminate: true });
    expect(await states()).toEqual(['m-1 ended', 'm-2 ending']);
    await clock.advance(30);
    expect(await states()).toEqual(['m-1 ended', 'm-2 ended']);
  });

  test('an end that is due before a replacement comes before it', async () => {
    const { clock, cloud, provider, request, states } = world({ makeMs: 100 });
    await provider.launch(request({ validUntilMs: clock.wallMs() + 1000 }));
    await clock.advance(950);
    expect(await states()).toEqual(['m-1 running']);
    cloud.lose('m-1');
    await clock.advance(10_000);
    expect(await states()).toEqual(['m-1 ended']);
  });

  test('an ended machine is shown for a while', async () => {
    const { clock, cloud, provider, request, states } = world({ recovers: 'no', shownMs: 500 });
    await provider.launch(request());
    await clock.advance(1);
    cloud.lose('m-1');
    await clock.advance(499);
    expect(await states()).toEqual(['m-1 ended']);
    await clock.advance(1);
    expect(await states()).toEqual([]);
  });
});

describe('room', () => {
  test('is counted over all launches, in the first offer that has some', async () => {
    const { cloud, provider, request } = world();
    cloud.setRoom({ location: 'memory-1a' }, 1);
    await provider.launch(request());
    await provider.launch(request({ launch: 2 }));
    expect((await provider.machines()).map(({ location }) => location)).toEqual(['memory-1a', 'memory-1b']);
  });

  test('that ends makes an error every so often, until there is some again', async () => {
    const { clock, cloud, provider, request, states } = world({ retryMs: 100 });
    cloud.setRoom({}, 0);
    const ref = await provider.launch(request());
    await clock.advance(250);
    const errors = (await provider.events(ref, 0)).events.filter(({ kind }) => kind === 'error');
    expect(errors.map(({ errorCode }) => errorCode)).toEqual(['no-capacity', 'no-capacity', 'no-capacity']);
    cloud.setRoom({}, null);
    expect(await states()).toEqual(['m-1 running']);
  });
});

describe('faults', () => {
  test('a lost answer leaves the effect', async () => {
    const { cloud, provider, request, states } = world();
    await provider.launch(request());
    cloud.faults.loseAnswer('end');
    const end = () => provider.end({ run: 'r-1', launch: 1, ref: null }, { terminate: true });
    await expect(end()).rejects.toMatchObject({ code: 'cloud-unreachable' });
    expect(await states()).toEqual(['m-1 ended']);
    await end();
  });

  test('a planned failure has no effect and is met once', async () => {
    const { cloud, provider, request, states } = world();
    cloud.faults.failNext('launch', new RunctlError('access-denied', 'no'));
    await expect(provider.launch(request())).rejects.toMatchObject({ code: 'access-denied' });
    expect(await states()).toEqual([]);
    await provider.launch(request());
    expect(await states()).toEqual(['m-1 running']);
  });

  test('reads outlast some throttling, a launch none', async () => {
    const { cloud, provider, request } = world();
    cloud.faults.throttle(1);
    await expect(provider.launch(request())).rejects.toMatchObject({ code: 'cloud-error' });
    cloud.faults.throttle(4);
    expect(await provider.machines()).toEqual([]);
    cloud.faults.throttle(5);
    await expect(provider.machines()).rejects.toMatchObject({ code: 'cloud-error' });
  });

  test('no call may follow the close', async () => {
    const { provider } = world();
    provider.close();
    await expect(provider.machines()).rejects.toMatchObject({ code: 'internal' });
  });
});

test('scripts reach running machines alone', async () => {
  const { clock, cloud, provider, request } = world({ startMs: 100 });
  cloud.shell = (machineId, script) => Promise.resolve({ exitCode: 0, stdout: `${machineId}: ${script}`, stderr: '' });
  await provider.launch(request());
  await clock.advance(50);
  const run = () => provider.shell?.run('m-1', 'true', { timeoutMs: 1000 });
  await expect(run()).rejects.toMatchObject({ code: 'agent-unreachable' });
  await clock.advance(50);
  expect(await run()).toEqual({ exitCode: 0, stdout: 'm-1: true', stderr: '' });
});
