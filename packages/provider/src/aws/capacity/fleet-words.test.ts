import { expect, test } from 'vitest';
import type { CapacityRef, ProviderEvent } from '../../port/index.ts';
import { capacityRequest } from '../../testing/capacity-request.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';

const RUN = 'r-words';

type World = Awaited<ReturnType<typeof awsUnderTest>>;

/** What the fleet says against a machine, once `isEnough`. */
async function errorsOf(
  world: World,
  ref: CapacityRef,
  isEnough: (errors: readonly ProviderEvent[]) => boolean = (errors) => errors.length > 0,
): Promise<readonly ProviderEvent[]> {
  for (let looks = 0; looks < 400; looks++) {
    const errors = (await world.provider.events(ref, 0)).events.filter(({ kind }) => kind === 'error');
    if (isEnough(errors)) return errors;
    await world.pass();
  }
  throw new Error('the fleet never said so');
}

test('a spot quota that is used up is named for each offer, and then of the fleet', async () => {
  await using world = await awsUnderTest();
  world.region.compute.settings.quotas.set({ market: 'spot', family: 'g-vt' }, 0);
  const asked = await capacityRequest(world, RUN);
  const errors = await errorsOf(world, await world.provider.launch(asked), (found) =>
    found.some((each) => each.blocksLaunch),
  );
  expect(new Set(errors.map(({ errorCode }) => errorCode))).toEqual(new Set(['quota-exceeded']));
  const named = errors.flatMap(({ offer }) => (offer === null ? [] : [`${offer.machineType} ${offer.location}`]));
  expect(named.toSorted()).toEqual(
    asked.offers.map(({ machineType, location }) => `${machineType} ${location}`).toSorted(),
  );
  for (const { offer, restsUntilMs, atMs } of errors) if (offer !== null) expect(restsUntilMs).toBe(atMs + 780_000);
});

test('the quota of on-demand is another one, and its code is named', async () => {
  await using world = await awsUnderTest();
  world.region.compute.settings.quotas.set({ market: 'on-demand', family: 'g-vt' }, 3);
  const [error] = await errorsOf(
    world,
    await world.provider.launch(await capacityRequest(world, RUN, { market: 'on-demand' })),
  );
  expect(error).toMatchObject({
    errorCode: 'quota-exceeded',
    market: null,
    message: expect.stringContaining('current vCPU limit of 3') as string,
    hint: expect.stringContaining('L-DB2E81BA') as string,
  });
});

test('a fleet without its role says that nothing can be launched', async () => {
  await using world = await awsUnderTest();
  world.region.compute.settings.setFleetRole(false);
  const [error] = await errorsOf(world, await world.provider.launch(await capacityRequest(world, RUN)));
  expect(error).toMatchObject({ errorCode: 'access-denied', blocksLaunch: true, offer: null });
});

test('an image that is gone since the launch was planned is a wrong configuration', async () => {
  await using world = await awsUnderTest();
  const message = "The image id '[ami-0123456789abcdef9]' does not exist";
  world.region.compute.settings.failNext('FleetLaunch', 'InvalidAMIID.NotFound', { times: 100, message });
  const [error] = await errorsOf(world, await world.provider.launch(await capacityRequest(world, RUN)));
  expect(error).toMatchObject({
    errorCode: 'config-invalid',
    message,
    hint: expect.stringContaining('--ami') as string,
  });
});

test('words come late, and no look that begins where the one before ended misses them', async () => {
  await using world = await awsUnderTest();
  world.region.compute.settings.setDelays({ fleetHistoryDelayMs: 300 });
  world.faults.setRoom('spot', 'none');
  const ref = await world.provider.launch(await capacityRequest(world, RUN));
  const first = await world.provider.events(ref, 0);
  expect(first.events).toEqual([]);
  let sinceMs = first.nextSinceMs;
  const seen: string[] = [];
  while (seen.length === 0) {
    const { events, nextSinceMs } = await world.provider.events(ref, sinceMs);
    for (const { kind, errorCode } of events) if (kind === 'error') seen.push(String(errorCode));
    sinceMs = nextSinceMs;
    await world.pass();
  }
  expect(seen[0]).toBe('no-capacity');
});

test('where a rest holds for both markets a switch does not help, and a new fleet does', async () => {
  await using world = await awsUnderTest();
  const { provider, region } = world;
  region.compute.settings.setFleetRests({ fullPoolsRest: true, bothMarkets: true });
  world.faults.setRoom('spot', 'none');
  const asked = await capacityRequest(world, RUN);
  const ref = await provider.launch(asked);
  await errorsOf(world, ref, (errors) => errors.some(({ code }) => code.startsWith('allLaunchSpecs')));
  await provider.markets?.switchTo(ref, 'on-demand', 1);
  await world.settle();
  expect(await provider.machines(RUN)).toEqual([]);
  await provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
  const again = await provider.launch({ ...asked, token: `${asked.token}-b`, market: 'on-demand' });
  while ((await provider.machines(RUN)).length === 0) await world.pass();
  expect((await provider.machines(RUN)).map(({ market }) => market)).toEqual(['on-demand']);
  expect(await provider.find(RUN, 1)).toEqual(again);
});
