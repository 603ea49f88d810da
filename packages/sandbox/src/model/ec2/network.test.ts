import { expect, test } from 'vitest';
import { modelRegion } from '../testing/model-region.ts';
import { Network, waysOut } from './network.ts';

test('a subnet is closed to its machines where its default route, or their address, is missing', () => {
  const network = new Network();
  const zone = { name: 'us-east-1a' };
  expect(network.isClosed(zone)).toBe(false);
  const closed = waysOut.filter((way) => {
    network.setWayOut(zone.name, way);
    return network.isClosed(zone);
  });
  expect(closed).toEqual(['internet-gateway-without-addresses', 'deleted-nat-gateway', 'none']);
  expect(network.isClosed({ name: 'us-east-1b' })).toBe(false);
});

test('machines of a closed subnet are cut off from their start, those of an open one are not', async () => {
  await using region = await modelRegion();
  for (const way of ['none', 'nat-gateway'] as const) {
    for (const zone of ['us-east-1a', 'us-east-1b', 'us-east-1c']) region.compute.network.setWayOut(zone, way);
    const instance = await region.runInstance();
    expect(region.driver.of(instance.id).isPartitioned).toBe(way === 'none');
  }
});

test.each([
  ['Client.InternalError', 'Client.InternalError'],
  ['Client.VolumeLimitExceeded', 'Client.VolumeLimitExceeded'],
  ['InsufficientInstanceCapacity', 'Server.InsufficientInstanceCapacity'],
  ['SomethingElse', 'Server.InternalError'],
])('a boot that is to fail with %s ends its instance with %s', async (code, reason) => {
  await using region = await modelRegion();
  region.compute.settings.failNext('boot', code);
  const spec = region.compute.launcher.place({ imageId: 'ami-0123456789abcdef0', instanceType: 'c7i.large' }, null, 1);
  const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
  const instance = region.compute.launcher.launch(spec, origin);
  await region.settle(() => instance.state === 'terminated');
  expect(instance.stateReason?.code).toBe(reason);
  expect(instance.runningAtMs).toBeNull();
});
