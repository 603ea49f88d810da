import { describe, expect, test } from 'vitest';
import { images, zones } from '../ec2/catalog.ts';
import type { Fleet } from './fleet.ts';
import { fleetConfig, imageId, launchData, modelRegion } from '../testing/model-region.ts';
import type { ModelRegion } from '../testing/model-region.ts';

const armImageId = images[1]?.id ?? '';

async function maintained(region: ModelRegion, options: Parameters<typeof fleetConfig>[1] = {}): Promise<Fleet> {
  const fleet = region.compute.fleets.create(fleetConfig(region.compute, options));
  await region.settle(() => fleet.state === 'active', 'the fleet becomes active');
  return fleet;
}

function running(region: ModelRegion, fleet: Fleet) {
  return region.compute.fleets.members(fleet).filter(({ state }) => state === 'running');
}

async function withMembers(region: ModelRegion, options: Parameters<typeof fleetConfig>[1] = {}) {
  const fleet = await maintained(region, options);
  const total = fleet.config.capacity.total;
  await region.settle(() => running(region, fleet).length === total, `${total} members`);
  return { fleet, members: running(region, fleet) };
}

/** What the history says against launches. */
const words = (fleet: Fleet) =>
  fleet.history
    .filter(({ type }) => type === 'error' || type === 'information')
    .map(({ type, subType, description }) => `${type} ${subType} ${description}`);
const subTypes = (fleet: Fleet) => fleet.history.map(({ subType }) => subType);

describe('a maintain fleet', () => {
  test('launches its target with the system tags and those of the template', async () => {
    await using region = await modelRegion();
    const tags = new Map([['instance', new Map([['runctl:run', 'r-1']])]]);
    const { fleet, members } = await withMembers(region, { total: 2, data: { ...launchData, tags } });
    expect(members).toHaveLength(2);
    expect(Object.fromEntries(members[0]!.tags)).toEqual({
      'runctl:run': 'r-1',
      'aws:ec2:fleet-id': fleet.id,
      'aws:ec2launchtemplate:id': fleet.config.templates[0]!.id,
      'aws:ec2launchtemplate:version': '1',
    });
    expect(subTypes(fleet)).toEqual(['submitted', 'active', 'launched', 'launched']);
  });

  test('starts the replacement at the notice, while the old instance still runs', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region);
    const old = members[0]!;
    region.compute.interrupt(old.id);
    await region.settle(() => running(region, fleet).length === 1, 'the replacement runs');
    expect(old.state).toBe('running');
    expect(running(region, fleet)[0]!.id).not.toBe(old.id);
    expect(subTypes(fleet)).toContain('termination_notified');
  });

  test('avoids the pool that was just taken from', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region);
    region.compute.interrupt(members[0]!.id, { notice: false });
    await region.settle(() => running(region, fleet).length === 1);
    expect(running(region, fleet)[0]!.spec.zone.name).not.toBe(members[0]!.spec.zone.name);
  });

  test.each([
    ['terminated by the user', 'terminate'],
    ['powers itself off', 'poweroff'],
    ['is stopped by its own shutdown', 'stop'],
    ['crashes', 'crash'],
  ])('replaces an instance that %s', async (_what, how) => {
    await using region = await modelRegion();
    const data = { ...launchData, shutdownBehavior: how === 'stop' ? 'stop' : 'terminate' };
    const { fleet, members } = await withMembers(region, { data });
    const old = members[0]!;
    if (how === 'terminate') region.compute.terminate(old);
    else if (how === 'crash') region.driver.of(old.id).crash();
    else region.driver.of(old.id).powerOff();
    await region.settle(() => running(region, fleet).some(({ id }) => id !== old.id));
    expect(old.state).toBe(how === 'stop' ? 'stopped' : 'terminated');
  });

  test('tells in its history why nothing can be launched, waits with an open request, and launches when there is room', async () => {
    await using region = await modelRegion();
    region.compute.settings.setCapacity({ market: 'spot' }, 0);
    const fleet = await maintained(region);
    expect(fleet.failing).toBe(true);
    expect(words(fleet)).toEqual([
      `error spotFleetRequestConfigurationInvalid c7i.large, ${imageId}, Linux/UNIX: There is no Spot capacity available that matches your request.`,
    ]);
    expect(region.compute.spotRequests.list()).toMatchObject([{ state: 'open', code: 'capacity-not-available' }]);
    region.compute.settings.clearCapacity();
    await region.settle(() => running(region, fleet).length === 1);
    expect(region.compute.spotRequests.list()).toMatchObject([{ state: 'active', code: 'fulfilled' }]);
    expect(fleet.failing).toBe(false);
  });

  test('takes the place that another instance leaves, at once', async () => {
    await using region = await modelRegion();
    region.compute.settings.setCapacity({ market: 'spot' }, 0);
    region.compute.settings.setCapacity({ type: 'c7i.large', zone: 'us-east-1b' }, 1);
    const other = await region.runInstance({ ...launchData, market: 'spot' });
    const fleet = await maintained(region);
    await region.settle(() => fleet.failing);
    region.compute.terminate(other);
    await region.settle(() => running(region, fleet).length === 1);
  });

  test('tries again by itself', async () => {
    await using region = await modelRegion();
    region.compute.settings.failNext('FleetLaunch', 'UnfulfillableCapacity', { times: 2 });
    const fleet = await maintained(region);
    expect(words(fleet)).toHaveLength(1);
    await region.clock.advance(2 * region.compute.settings.delays.fleetRetryMs);
    await region.settle(() => running(region, fleet).length === 1);
  });

  test.each<[string, { imageId?: string; profileName?: string }, string]>([
    ['a missing AMI', { imageId: 'ami-00000000000000000' }, "The image id '[ami-00000000000000000]' does not exist"],
    ['a missing instance profile', { profileName: 'nobody' }, 'Invalid IAM Instance Profile name'],
    ['an image of another architecture', { imageId: armImageId }, 'does not match the architecture'],
  ])('tells of %s of its template in words, and leaves the pools alone for a while', async (_what, wrong, reason) => {
    await using region = await modelRegion();
    const fleet = await maintained(region, { data: { ...launchData, ...wrong } });
    await region.clock.advance(10 * region.compute.settings.delays.fleetRetryMs);
    const image = wrong.imageId ?? imageId;
    const said = zones.map(({ name }) =>
      expect.stringMatching(
        new RegExp(
          `^information launchSpecTemporarilyBlacklisted Repeated errors have occurred processing the launch specification "c7i.large, ${image}, Linux/UNIX, ${name} while launching spot instance". It will not be retried for at least 13 minutes. Error message: .*`,
        ),
      ),
    ) as string[];
    expect(words(fleet).slice(0, 3)).toEqual(said);
    expect(words(fleet)[0]).toContain(reason);
    expect(words(fleet).slice(3)).toEqual([
      expect.stringMatching(/^error allLaunchSpecsTemporarilyBlacklisted Several/),
    ]);
    const { length } = fleet.history;
    await region.clock.advance(11 * 60_000);
    expect(fleet.history).toHaveLength(length);
    await region.clock.advance(2 * 60_000);
    expect(fleet.history.length).toBeGreaterThan(length);
  });

  test('names a type that a zone does not offer, and one that does not exist, and uses the others', async () => {
    await using region = await modelRegion();
    const fleet = await maintained(region, { types: ['c7i.tiny', 'g7e.2xlarge', 'c7i.large'] });
    await region.settle(() => running(region, fleet).length === 1);
    region.compute.settings.setCapacity({}, 0);
    region.compute.terminate(running(region, fleet)[0]!);
    await region.settle(() => words(fleet).length > 2);
    expect(words(fleet)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('(c7i.tiny) is not supported'),
        `information launchSpecUnusable g7e.2xlarge, ${imageId}, Linux/UNIX, us-east-1a, requested instance type is not supported in the requested Availability Zone`,
      ]),
    );
  });

  test('over the spot quota says so for each pool, and then of the fleet, while on-demand has its own', async () => {
    await using region = await modelRegion();
    region.compute.settings.quotas.set({ market: 'spot', family: 'standard' }, 1);
    const fleet = await maintained(region);
    await region.clock.advance(10 * region.compute.settings.delays.fleetRetryMs);
    expect(
      words(fleet).filter((text) => text.endsWith('Error message: Spot Max Instance Count Exceeded')),
    ).toHaveLength(3);
    expect(words(fleet).slice(-2)).toEqual([
      expect.stringContaining('allLaunchSpecsTemporarilyBlacklisted'),
      'error spotInstanceCountLimitExceeded ',
    ]);
    const capacity = { total: 1, onDemand: 1, spot: 0, defaultMarket: 'spot' as const };
    region.compute.fleets.modify(fleet, { ...fleet.config, capacity });
    await region.settle(() => running(region, fleet).length === 1);
  });

  test('over the on-demand quota names the vCPUs', async () => {
    await using region = await modelRegion();
    region.compute.settings.quotas.set({ market: 'on-demand', family: 'standard' }, 0);
    const capacity = { total: 1, onDemand: 1, spot: 0, defaultMarket: 'on-demand' as const };
    const fleet = await maintained(region, { capacity });
    await region.settle(() => words(fleet).length > 0);
    expect(words(fleet)[0]).toMatch(
      /us-east-1.". It .* than your current vCPU limit of 0 allows for the instance bucket/,
    );
  });

  test('says that no price limit reaches the market', async () => {
    await using region = await modelRegion();
    const fleet = await maintained(region, { data: { ...launchData, maxPrice: '0.002' } });
    await region.clock.advance(10 * region.compute.settings.delays.fleetRetryMs);
    expect(words(fleet)[0]).toMatch(
      /launchSpecUnusable .*us-east-1., Spot price in .* is less than Spot market price \$0\.\d+$/,
    );
    expect(words(fleet).at(-1)).toBe('information fleetProgressHalted ');
  });

  test('without its role launches nothing, says so once, and launches when there is one', async () => {
    await using region = await modelRegion();
    region.compute.settings.setFleetRole(false);
    const fleet = await maintained(region);
    await region.clock.advance(60_000);
    expect(words(fleet)).toEqual(['error iamFleetRoleInvalid ']);
    region.compute.settings.setFleetRole(true);
    await region.settle(() => running(region, fleet).length === 1);
  });

  test.each([
    [false, 1],
    [true, 0],
  ])('pools without room that rest keep on-demand back: %s', async (bothMarkets, machines) => {
    await using region = await modelRegion();
    region.compute.settings.setFleetRests({ fullPoolsRest: true, bothMarkets });
    region.compute.settings.setCapacity({ market: 'spot' }, 0);
    const fleet = await maintained(region);
    await region.settle(() => subTypes(fleet).includes('allLaunchSpecsTemporarilyBlacklisted'));
    const capacity = { total: 1, onDemand: 1, spot: 0, defaultMarket: 'spot' as const };
    region.compute.fleets.modify(fleet, { ...fleet.config, capacity });
    await region.clock.advance(60_000);
    expect(running(region, fleet)).toHaveLength(machines);
    await region.clock.advance(14 * 60_000);
    expect(running(region, fleet)).toHaveLength(1);
  });

  test('turned to on-demand ends its spot instance and launches the other', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region);
    const capacity = { total: 1, onDemand: 1, spot: 0, defaultMarket: 'spot' as const };
    region.compute.fleets.modify(fleet, { ...fleet.config, capacity });
    await region.settle(() => running(region, fleet).some(({ spec }) => spec.market === 'on-demand'));
    await region.settle(() => members[0]!.state === 'terminated');
    expect(subTypes(fleet)).toEqual(expect.arrayContaining(['modify_in_progress', 'modify_succeeded']));
  });

  test('scaled down without termination keeps its instances', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region, { total: 2 });
    const capacity = { total: 1, onDemand: 0, spot: 1, defaultMarket: 'spot' as const };
    region.compute.fleets.modify(fleet, { ...fleet.config, capacity, excessPolicy: 'no-termination' });
    await region.settle(() => fleet.state === 'active');
    expect(members.map(({ state }) => state)).toEqual(['running', 'running']);
  });

  test('does not end what its weights put above the target', async () => {
    await using region = await modelRegion();
    const config = fleetConfig(region.compute, { types: ['c7i.large', 'c7i.xlarge'], total: 5 });
    region.compute.settings.setCapacity({ type: 'c7i.large' }, 0);
    region.compute.settings.setCapacity({ type: 'c7i.large', zone: 'us-east-1a' }, 2);
    const weights = [2, 3];
    const templates = config.templates.map((template) => ({
      ...template,
      overrides: template.overrides.map((override, nth) => ({ ...override, weightedCapacity: weights[nth] ?? 1 })),
    }));
    const fleet = region.compute.fleets.create({ ...config, templates, spotStrategy: 'lowest-price' });
    await region.settle(() => running(region, fleet).length === 3);
    const large = running(region, fleet).find(({ spec }) => spec.type.name === 'c7i.xlarge')!;
    region.compute.interrupt(large.id, { notice: false });
    await region.settle(() => large.state === 'terminated' && running(region, fleet).length === 3);
    await region.clock.advance(600_000);
    expect(subTypes(fleet).filter((subType) => subType === 'terminated')).toHaveLength(1);
  });

  test("uses the zone or subnet of an override instead of its template's", async () => {
    await using region = await modelRegion();
    const placed = { ...launchData, zoneName: 'us-east-1a', subnetId: zones[0]!.subnetId };
    const base = fleetConfig(region.compute, { data: placed, total: 2, spotStrategy: 'diversified' });
    const overridden = (place: object) => ({
      ...base,
      templates: base.templates.map((template) => ({
        ...template,
        overrides: template.overrides.map((override) => ({ ...override, ...place })),
      })),
    });
    const zonesOf = async (place: object) => {
      const fleet = region.compute.fleets.create(overridden(place));
      await region.settle(() => running(region, fleet).length === 2);
      return running(region, fleet).map(({ spec }) => spec.zone.name);
    };
    expect(await zonesOf({})).toEqual(['us-east-1a', 'us-east-1a']);
    expect(await zonesOf({ zoneName: 'us-east-1b' })).toEqual(['us-east-1b', 'us-east-1b']);
    const subnetId = `${zones[1]!.subnetId}, ${zones[2]!.subnetId}`;
    expect((await zonesOf({ subnetId })).toSorted()).toEqual(['us-east-1b', 'us-east-1c']);
  });

  test('deleted without termination does not replace what it loses, and ends with its last instance', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region);
    region.compute.fleets.delete(fleet, false);
    await region.clock.advance(60_000);
    expect([fleet.state, members[0]!.state]).toEqual(['deleted_running', 'running']);
    region.driver.of(members[0]!.id).powerOff();
    await region.settle(() => fleet.state === 'deleted');
    expect(region.compute.fleets.instancesOf(fleet)).toHaveLength(1);
  });

  test('deleted with termination ends its instances', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region);
    region.compute.fleets.delete(fleet, true);
    expect(fleet.state).toBe('deleted_terminating');
    await region.settle(() => fleet.state === 'deleted');
    expect(members[0]!.state).toBe('terminated');
  });

  test.each([
    [true, 'terminated'],
    [false, 'running'],
  ])('expires; TerminateInstancesWithExpiration=%s leaves its instance %s', async (terminateOnExpiry, state) => {
    await using region = await modelRegion();
    // Longer than one timer of Node can wait.
    const lifeMs = 40 * 86_400_000;
    const validUntilMs = region.clock.wallMs() + lifeMs;
    const { fleet, members } = await withMembers(region, { validUntilMs, terminateOnExpiry });
    await region.clock.advance(lifeMs - 1000);
    expect(fleet.state).toBe('active');
    await region.clock.advance(2000);
    await region.settle(() => members[0]!.state === state);
    expect(subTypes(fleet)).toContain('expired');
  });

  test('vanishes some time after it was deleted', async () => {
    await using region = await modelRegion();
    const { fleet } = await withMembers(region);
    region.compute.fleets.delete(fleet, true);
    await region.settle(() => fleet.state === 'deleted');
    await region.clock.advance(region.compute.settings.delays.fleetVisibleMs + 1);
    expect(() => region.compute.fleets.get(fleet.id)).toThrow(
      expect.objectContaining({ code: 'InvalidFleetId.NotFound' }),
    );
  });
});

describe('a request fleet', () => {
  test('launches once and replaces nothing', async () => {
    await using region = await modelRegion();
    const { fleet, members } = await withMembers(region, { type: 'request' });
    region.compute.interrupt(members[0]!.id, { notice: false });
    await region.clock.advance(600_000);
    expect(region.compute.fleets.members(fleet)).toHaveLength(0);
  });
});

describe('an instant fleet', () => {
  test('launches before it returns and keeps no eye on its instances', async () => {
    await using region = await modelRegion();
    const fleet = region.compute.fleets.create(fleetConfig(region.compute, { type: 'instant', total: 2 }));
    expect(fleet.launches).toMatchObject([
      { instanceType: 'c7i.large', instanceIds: [/^i-/, /^i-/].map((id) => expect.stringMatching(id)) },
    ]);
    await region.settle(() => running(region, fleet).length === 2);
    region.compute.terminate(running(region, fleet)[0]!);
    await region.clock.advance(600_000);
    expect(running(region, fleet)).toHaveLength(1);
  });

  test('tries three pools and calls the rest unfulfillable, though they have room', async () => {
    await using region = await modelRegion();
    region.compute.settings.setCapacity({ type: 'c7i.large' }, 0);
    const config = fleetConfig(region.compute, { type: 'instant', types: ['c7i.large', 'c7i.4xlarge'] });
    const fleet = region.compute.fleets.create(config);
    expect(fleet.launches).toEqual([]);
    expect(fleet.errors.map(({ code }) => code)).toEqual([
      ...Array.from({ length: 3 }, () => 'InsufficientInstanceCapacity'),
      ...Array.from({ length: 3 }, () => 'UnfulfillableCapacity'),
    ]);
  });

  test('launches nothing below its minimum', async () => {
    await using region = await modelRegion();
    region.compute.settings.setCapacity({}, 1);
    const fleet = region.compute.fleets.create(
      fleetConfig(region.compute, { type: 'instant', total: 5, minimumSpot: 5 }),
    );
    expect([fleet.launches, fleet.errors.length]).toEqual([[], 3]);
  });
});
