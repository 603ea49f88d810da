import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { noticeDeadlineMs } from './interruptions.ts';
import { fleetConfig, launchData, modelRegion } from '../testing/model-region.ts';
import type { ModelRegion } from '../testing/model-region.ts';

const spotData = { ...launchData, market: 'spot' as const };
const requestOf = (region: ModelRegion) => region.compute.spotRequests.list()[0]!;

describe('an interruption with notice', () => {
  test('ends the request at once, presses the power button at the deadline, and pulls the plug after the grace', async () => {
    await using region = await modelRegion();
    region.driver.script.obeysPowerButton = false;
    const instance = await region.runInstance(spotData);
    expect(requestOf(region)).toMatchObject({ state: 'active', code: 'fulfilled' });
    region.compute.interrupt(instance.id);
    expect(requestOf(region)).toMatchObject({ state: 'closed', code: 'instance-terminated-no-capacity' });
    await region.clock.advance(119_999);
    expect([instance.state, region.driver.of(instance.id).calls]).toEqual(['running', []]);
    await region.clock.advance(1);
    expect([instance.state, region.driver.of(instance.id).calls]).toEqual(['shutting-down', ['power-button']]);
    await region.clock.advance(region.compute.settings.delays.shutdownGraceMs);
    expect(region.driver.of(instance.id).calls).toEqual(['power-button', 'kill']);
    await region.settle(() => instance.state === 'terminated');
    expect(instance.stateReason?.code).toBe('Server.SpotInstanceTermination');
  });

  test('shortens with the scale of the region', async () => {
    await using region = await modelRegion({ scale: 0.1 });
    const instance = await region.runInstance(spotData);
    region.compute.interrupt(instance.id);
    await region.clock.advance(12_000);
    await region.settle(() => instance.state === 'terminated');
  });

  test('has a deadline in whole seconds that is never nearer than the window', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.double({ min: 0.001, max: 1, noNaN: true }), (nowMs, scale) => {
        const deadlineMs = noticeDeadlineMs(nowMs, scale);
        expect(deadlineMs % 1000).toBe(0);
        expect(deadlineMs - nowMs).toBeGreaterThanOrEqual(120_000 * scale - 1e-6);
        expect(deadlineMs - nowMs).toBeLessThan(120_000 * scale + 1000);
      }),
    );
  });

  test('of an instance that survives leaves the notice in place and fulfils the request again', async () => {
    await using region = await modelRegion();
    const fleet = region.compute.fleets.create(fleetConfig(region.compute));
    await region.settle(() => region.compute.fleets.members(fleet)[0]?.state === 'running');
    const survivor = region.compute.fleets.members(fleet)[0]!;
    region.compute.interrupt(survivor.id, { survives: true });
    await region.clock.advance(600_000);
    expect(survivor.state).toBe('running');
    expect(survivor.notice).toMatchObject({ survived: true });
    expect(requestOf(region)).toMatchObject({ state: 'active', code: 'fulfilled' });
    // The fleet has replaced it and does not count on it again.
    expect(region.compute.fleets.members(fleet)).toHaveLength(1);
    expect(region.compute.fleets.instancesOf(fleet)).toHaveLength(2);
  });

  test('is not given twice', async () => {
    await using region = await modelRegion();
    const instance = await region.runInstance(spotData);
    region.compute.interrupt(instance.id);
    const first = instance.notice;
    await region.clock.advance(5000);
    region.compute.interrupt(instance.id);
    expect(instance.notice).toEqual(first);
  });

  test('of an instance that powers itself off in its window ends it as terminated, whatever its shutdown behaviour', async () => {
    await using region = await modelRegion();
    const instance = await region.runInstance({ ...spotData, shutdownBehavior: 'stop' });
    region.compute.interrupt(instance.id);
    region.driver.of(instance.id).powerOff();
    await region.settle(() => instance.state === 'terminated');
    expect(requestOf(region).code).toBe('instance-terminated-no-capacity');
  });
});

describe('a rebalance recommendation', () => {
  test('comes before the notice by the lead of the settings', async () => {
    await using region = await modelRegion({ settings: { rebalanceLeadMs: 30_000 } });
    const instance = await region.runInstance(spotData);
    region.compute.interrupt(instance.id);
    expect([instance.rebalanceAtMs, instance.notice]).toEqual([region.clock.wallMs(), null]);
    await region.clock.advance(30_000);
    expect(instance.notice).not.toBeNull();
  });

  test('comes with the notice when there is no lead, and is left out when not wanted', async () => {
    await using region = await modelRegion();
    const first = await region.runInstance(spotData);
    const second = await region.runInstance(spotData);
    region.compute.interrupt(first.id, { rebalance: true });
    region.compute.interrupt(second.id);
    expect([first.rebalanceAtMs, first.notice?.noticedAtMs]).toEqual([region.clock.wallMs(), region.clock.wallMs()]);
    expect(second.rebalanceAtMs).toBeNull();
  });
});

describe('an interruption without notice', () => {
  test('kills at once and tells the metadata nothing', async () => {
    await using region = await modelRegion();
    const instance = await region.runInstance(spotData);
    region.compute.interrupt(instance.id, { notice: false });
    await region.settle(() => instance.state === 'terminated');
    expect(region.driver.of(instance.id).calls).toEqual(['kill']);
    expect([instance.notice, requestOf(region).code]).toEqual([null, 'instance-terminated-no-capacity']);
  });

  test('is the only one that an on-demand instance can have', async () => {
    await using region = await modelRegion();
    const instance = await region.runInstance();
    expect(() => region.compute.interrupt(instance.id)).toThrow(/on-demand/);
    region.compute.interrupt(instance.id, { notice: false });
    await region.settle(() => instance.state === 'terminated');
    expect(instance.stateReason?.code).toBe('Server.InternalError');
  });
});

test('an interruption of an unknown instance is an error that names it', async () => {
  await using region = await modelRegion();
  expect(() => region.compute.interrupt('i-0')).toThrow(expect.objectContaining({ code: 'instance-not-found' }));
});

describe('a user termination', () => {
  test('gives no notice: the power button, then the plug', async () => {
    await using region = await modelRegion();
    region.driver.script.obeysPowerButton = false;
    const instance = await region.runInstance(spotData);
    region.compute.terminate(instance);
    expect([instance.state, instance.notice]).toEqual(['shutting-down', null]);
    await region.clock.advance(region.compute.settings.delays.shutdownGraceMs);
    await region.settle(() => instance.state === 'terminated');
    expect(instance.stateReason?.code).toBe('Client.UserInitiatedShutdown');
    expect(requestOf(region).code).toBe('instance-terminated-by-user');
  });

  test('of a pending instance ends it before its machine ever starts', async () => {
    await using region = await modelRegion({ settings: { bootDelayMs: 10_000 } });
    const spec = region.compute.launcher.place(spotData, null, 1);
    const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
    const instance = region.compute.launcher.launch(spec, origin);
    region.compute.terminate(instance);
    await region.clock.advance(20_000);
    expect(instance.state).toBe('terminated');
    // By the time that another one runs, this one would too.
    region.compute.settings.setDelays({ bootDelayMs: 0 });
    const other = await region.runInstance(spotData);
    expect([...region.driver.machines.keys()]).toEqual([other.id]);
  });
});

describe('an instance', () => {
  test('that can not be started goes from pending to terminated with the reason', async () => {
    await using region = await modelRegion();
    const spec = region.compute.launcher.place(spotData, null, 1);
    const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
    region.compute.settings.failNext('boot', 'InsufficientInstanceCapacity');
    const first = region.compute.launcher.launch(spec, origin);
    await region.settle(() => first.state === 'terminated');
    region.driver.script.startError = new Error('no more loop devices');
    const second = region.compute.launcher.launch(spec, origin);
    await region.settle(() => second.state === 'terminated');
    expect([first.stateReason?.code, second.stateReason?.code]).toEqual([
      'Server.InsufficientInstanceCapacity',
      'Server.InternalError',
    ]);
  });

  test('stays visible for a while after its end, then vanishes', async () => {
    await using region = await modelRegion();
    const instance = await region.runInstance(spotData);
    region.compute.terminate(instance);
    await region.settle(() => instance.state === 'terminated');
    await region.clock.advance(3_599_999);
    expect(region.compute.instances.find(instance.id)).toBe(instance);
    await region.clock.advance(1);
    expect(region.compute.instances.find(instance.id)).toBeUndefined();
  });
});

test('a closed region kills every machine and lets nothing happen any more', async () => {
  await using region = await modelRegion();
  const instance = await region.runInstance(spotData);
  region.compute.interrupt(instance.id);
  await region.compute.close();
  expect(region.driver.of(instance.id).calls).toEqual(['kill']);
  await region.clock.advance(600_000);
  expect(region.driver.of(instance.id).calls).toEqual(['kill']);
});
