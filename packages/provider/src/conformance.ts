import { isRunctlError, type RunctlError } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  CapacityRef,
  CapacityRequest,
  LaunchTarget,
  Offer,
  Provider,
  RentedMachine,
  TargetWish,
} from './port/index.ts';
import { capacityRequest } from './testing/capacity-request.ts';

/** How a test makes the world behind a provider misbehave. */
export interface ProviderFaults {
  /** The next launch takes effect, and its answer never arrives. */
  loseLaunchAnswer(): void;
  /** The next launch is refused for a quota, before anything is made. */
  exhaustQuota(): void;
  /** Some of the next reads are refused because there were too many. */
  throttleReads(): void;
  /** No machine of the market is left, or there are plenty again. */
  setRoom(market: Market, room: 'none' | 'plenty'): void;
  /** The target of later launches names what machines can't be made of. */
  breakTarget(): void;
  /** What was made lately is not shown, or is shown again. */
  hideNew(hidden: boolean): void;
  /** A machine is gone at once, without a notice. */
  lose(machineId: string): void | Promise<void>;
}

export interface ProviderUnderTest extends AsyncDisposable {
  readonly provider: Provider;
  /** Another client of the same account, as on a second laptop. */
  another(): Provider;
  /** Something that can be had. */
  readonly wish: TargetWish;
  readonly unknown: { readonly machineType: string; readonly image: string; readonly ref: CapacityRef };
  readonly faults: ProviderFaults;
  nowMs(): number;
  /** Lets time go by while something is waited for. */
  pass(): Promise<void>;
  /** Lets so much time go by that the provider has done all that it will do. */
  settle(): Promise<void>;
  /** A life that ends before a test does. */
  readonly shortLifeMs: number;
}

const PATIENCE = 400;
const RUN = 'r-conformance';

/**
 * What every provider does, by docs of the port. A test that needs an ability which the provider lacks, as its `can` says,
 * checks what it does instead. Run against each adapter: `npm test -- --project unit provider conformance`.
 */
export function describeProvider(name: string, make: () => Promise<ProviderUnderTest>): void {
  let under: ProviderUnderTest;
  let provider: Provider;

  beforeEach(async () => {
    under = await make();
    provider = under.provider;
  });
  afterEach(async () => {
    await under[Symbol.asyncDispose]();
  });

  const recoversByItself = () => provider.can.recovers.value === 'by-itself';

  const request = (changes: Partial<CapacityRequest> = {}) => capacityRequest(under, RUN, changes);

  const eventually = async <T>(look: () => Promise<T | null | undefined | false>, what: string): Promise<T> => {
    for (let left = PATIENCE; left > 0; left--) {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
      await under.pass();
    }
    throw new Error(`never happened: ${what}`);
  };

  const machinesIn = async (...states: readonly RentedMachine['state'][]): Promise<readonly RentedMachine[]> =>
    (await provider.machines(RUN)).filter(({ state }) => states.includes(state));

  const running = (count = 1) =>
    eventually(async () => {
      const found = await machinesIn('running');
      return found.length === count && found;
    }, `${count} running`);

  const ended = () =>
    eventually(async () => (await machinesIn('starting', 'running', 'ending')).length === 0, 'all ended');

  const launched = async (changes: Partial<CapacityRequest> = {}) => {
    const asked = await request(changes);
    const ref = await provider.launch(asked);
    const machines = await running(asked.nodes);
    return { asked, ref, machines, machine: machines[0]! };
  };

  describe(`${name}: what it says of itself`, () => {
    test('each ability has a reason that can stand in a sentence', () => {
      for (const [ability, { reason }] of Object.entries(provider.can))
        expect(reason, ability).toMatch(/^[\w].{10,}[^.\s]$/);
    });

    test('a provider that switches markets has at least two', () => {
      expect(provider.can.markets.value.length > 1).toBe(provider.markets !== undefined);
    });
  });

  describe(`${name}: offers and target`, () => {
    test('offers what was wished for, cheapest first', async () => {
      const offers = await provider.offers(under.wish);
      expect(offers.length).toBeGreaterThan(0);
      for (const { machineType, market } of offers) {
        expect(under.wish.machineTypes).toContain(machineType);
        expect(market).toBe(under.wish.market);
      }
      const prices = offers.map(({ pricePerHourUsd }) => pricePerHourUsd ?? Infinity);
      expect(prices).toEqual(prices.toSorted((a, b) => a - b));
      expect(new Set(offers.map(placeOf)).size).toBe(offers.length);
    });

    test('chooses machine types where none is named', async () => {
      expect((await provider.offers({ ...under.wish, machineTypes: [] })).length).toBeGreaterThan(0);
    });

    test('refuses a machine type that does not exist and names the nearest', async () => {
      const [known] = under.wish.machineTypes;
      const wish = { ...under.wish, machineTypes: [under.unknown.machineType] };
      const error = await rejection(provider.offers(wish), 'instance-type-unknown');
      expect(error.message).toContain(under.unknown.machineType);
      expect(error.hint).toContain(known);
    });

    test('refuses machines that the agent has no runtime for', async () => {
      const other = under.wish.architecture === 'x64' ? 'arm64' : 'x64';
      await rejection(provider.offers({ ...under.wish, architecture: other }), 'pool-invalid');
    });

    test('refuses an image that does not exist', async () => {
      const offers = await provider.offers(under.wish);
      const error = await rejection(
        provider.target({ ...under.wish, image: under.unknown.image }, offers),
        'config-invalid',
      );
      expect(error.message).toContain(under.unknown.image);
    });

    test('describes a target in a few words, and refuses one of another provider', async () => {
      const offers = await provider.offers(under.wish);
      const target = JSON.parse(JSON.stringify(await provider.target(under.wish, offers))) as LaunchTarget;
      expect(provider.describe(target)).toMatch(/^\S.{3,60}$/);
      expect(() => provider.describe({ of: 'somebody else' })).toThrow(/somebody else|target/);
    });

    test('a target comes back from a document as it went in', async () => {
      const { target } = await request();
      expect(JSON.parse(JSON.stringify(target))).toEqual(target);
    });
  });

  describe(`${name}: launch`, () => {
    test('makes a machine that says whose it is, where it is and what it costs', async () => {
      const { asked, ref, machine } = await launched();
      expect(machine).toMatchObject({ run: RUN, launch: 1, market: asked.market, state: 'running', endReason: null });
      expect(asked.offers.map(placeOf)).toContain(placeOf(machine));
      expect(machine.addresses.private ?? machine.addresses.public).not.toBeNull();
      expect(Math.abs(machine.launchedAtMs - under.nowMs())).toBeLessThan(600_000);
      expect(await provider.state(ref)).toMatchObject({ status: 'active', wanted: 1, running: 1 });
      expect((await provider.machines()).map(({ machineId }) => machineId)).toContain(machine.machineId);
      expect(await provider.machines('r-another')).toEqual([]);
    });

    test('makes a machine for each node', async () => {
      const { ref } = await launched({ nodes: 2 });
      expect(await provider.state(ref)).toMatchObject({ wanted: 2, running: 2 });
    });

    test('takes target and offers that went through a document', async () => {
      const asked = await request();
      await provider.launch(JSON.parse(JSON.stringify(asked)) as CapacityRequest);
      await running();
    });

    test('gives the same capacity for the same token, also to another laptop', async () => {
      const asked = await request();
      const first = await provider.launch(asked);
      const again = await provider.launch(asked);
      const second = await under.another().launch(asked);
      expect([again, second]).toEqual([first, first]);
      await running();
      await under.settle();
      expect(await provider.machines(RUN)).toHaveLength(1);
    });

    test('does not take a token for another request', async () => {
      const asked = await request();
      await provider.launch(asked);
      await rejection(provider.launch({ ...asked, nodes: 3 }), 'cloud-error');
      await under.settle();
      expect(await provider.machines(RUN)).toHaveLength(1);
    });

    test('of which the answer was lost gives the same capacity when it is repeated', async () => {
      const asked = await request();
      under.faults.loseLaunchAnswer();
      await rejection(provider.launch(asked), 'cloud-unreachable');
      const ref = await under.another().launch(asked);
      await running();
      await under.settle();
      expect(await provider.machines(RUN)).toHaveLength(1);
      expect(await provider.state(ref)).toMatchObject({ status: 'active', running: 1 });
    });

    test('over a quota is refused, and what is left of it can be ended', async () => {
      under.faults.exhaustQuota();
      await rejection(provider.launch(await request()), 'quota-exceeded');
      expect(await provider.find(RUN, 1)).toBeNull();
      await provider.end({ run: RUN, launch: 1, ref: null }, { terminate: true });
      await under.settle();
      expect(await provider.machines(RUN)).toEqual([]);
    });

    test('where nothing is left says so, and gets a machine once there is one', async () => {
      under.faults.setRoom(under.wish.market, 'none');
      const asked = await request();
      if (!recoversByItself()) {
        await rejection(provider.launch(asked), 'no-capacity');
        under.faults.setRoom(under.wish.market, 'plenty');
        await provider.launch(asked);
        await running();
        return;
      }
      const ref = await provider.launch(asked);
      const error = await errorEvent(ref);
      expect(error).toMatchObject({ errorCode: 'no-capacity', machineId: null });
      expect(error.message).not.toBe('');
      expect(error.hint).not.toBeNull();
      expect(await provider.state(ref)).toMatchObject({ status: 'active', wanted: 1, running: 0 });
      under.faults.setRoom(under.wish.market, 'plenty');
      await running();
    });

    test('of which no machine can be made says that waiting does not mend it', async () => {
      under.faults.breakTarget();
      const asked = await request();
      if (recoversByItself()) expect((await errorEvent(await provider.launch(asked))).errorCode).toBe('config-invalid');
      else await rejection(provider.launch(asked), 'config-invalid');
    });

    const errorEvent = (ref: CapacityRef) =>
      eventually(
        async () => (await provider.events(ref, under.nowMs() - 60_000)).events.find(({ kind }) => kind === 'error'),
        'an event that says why there is no machine',
      );
  });

  describe(`${name}: finding and watching`, () => {
    test('finds a launch whose reference was never stored, and no other one', async () => {
      const asked = await request();
      under.faults.loseLaunchAnswer();
      await rejection(provider.launch(asked), 'cloud-unreachable');
      const found = await eventually(() => provider.find(RUN, 1), 'the launch is found');
      expect(found).toEqual(await provider.launch(asked));
      expect(await provider.find(RUN, 2)).toBeNull();
      expect(await provider.find('r-another', 1)).toBeNull();
    });

    test('finds the one that lives of a launch that was ended and made again', async () => {
      const { asked, ref } = await launched();
      await provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
      await ended();
      const again = await provider.launch({ ...asked, token: `${asked.token}-b` });
      await running();
      expect(again).not.toEqual(ref);
      expect(await provider.find(RUN, 1)).toEqual(again);
    });

    test('does not know a launch that is not shown yet, and knows it later', async () => {
      const { asked, ref } = await launched();
      under.faults.hideNew(true);
      expect(await provider.state(ref)).toEqual({ status: 'unknown', wanted: 0, running: 0, providerWord: null });
      expect(await provider.find(RUN, 1)).toBeNull();
      expect((await provider.events(ref, 0)).events).toEqual([]);
      expect(await provider.machines(RUN)).toEqual([]);
      expect(await provider.launch(asked)).toEqual(ref);
      under.faults.hideNew(false);
      await eventually(async () => (await provider.state(ref)).status === 'active', 'it is shown');
      expect(await provider.find(RUN, 1)).toEqual(ref);
      await running();
    });

    test('answers for a reference that it does not know', async () => {
      const { ref } = under.unknown;
      expect(await provider.state(ref)).toMatchObject({ status: 'unknown', wanted: 0, running: 0 });
      expect((await provider.events(ref, 0)).events).toEqual([]);
    });

    test('names a capacity, and refuses to name what is no reference of its own', async () => {
      const { ref } = await launched();
      expect(provider.nameOf(JSON.parse(JSON.stringify(ref)) as CapacityRef)).toMatch(/^\S{5,}$/);
      expect(() => provider.nameOf({ of: 'somebody else' })).toThrow(/is no capacity/);
    });

    test('refuses what is no reference of its own', async () => {
      const ref = { of: 'somebody else' };
      await rejection(provider.state(ref), 'internal');
      await rejection(provider.events(ref, 0), 'internal');
      await rejection(provider.end({ run: RUN, launch: 1, ref }, { terminate: true }), 'internal');
    });

    test('tells events in order, and only those since a time', async () => {
      const { ref } = await launched();
      const { events, nextSinceMs } = await provider.events(ref, 0);
      expect(events.map(({ atMs }) => atMs)).toEqual(events.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
      for (const { kind, errorCode } of events) expect(errorCode === null, kind).toBe(kind !== 'error');
      expect(nextSinceMs).toBeLessThanOrEqual(under.nowMs());
      const later = await provider.events(ref, under.nowMs() + 60_000);
      expect(later).toMatchObject({ events: [], nextSinceMs: expect.any(Number) as number });
    });

    test('misses no event where each look begins where the one before says', async () => {
      under.faults.setRoom(under.wish.market, 'none');
      if (!recoversByItself()) return;
      const ref = await provider.launch(await request());
      const seen = new Set<string>();
      let sinceMs = 0;
      const look = async () => {
        const { events, nextSinceMs } = await provider.events(ref, sinceMs);
        sinceMs = nextSinceMs;
        for (const event of events) seen.add(JSON.stringify(event));
        return seen;
      };
      await eventually(async () => [...(await look())].some((text) => text.includes('"error"')), 'an error');
      under.faults.setRoom(under.wish.market, 'plenty');
      await running();
      const all = await eventually(async () => {
        const { events } = await provider.events(ref, 0);
        return events.some(({ kind }) => kind === 'machine') && events;
      }, 'the machine is reported');
      await look();
      for (const event of all) expect(seen).toContain(JSON.stringify(event));
    });

    test('asks again when it is told to ask less', async () => {
      const { ref } = await launched();
      under.faults.throttleReads();
      expect(await provider.state(ref)).toMatchObject({ status: 'active' });
      under.faults.throttleReads();
      expect(await provider.machines(RUN)).toHaveLength(1);
    });
  });

  describe(`${name}: a machine that dies`, () => {
    test('is shown as ended with a reason, and replaced where the provider recovers by itself', async () => {
      const { ref, machine } = await launched();
      await under.faults.lose(machine.machineId);
      const gone = await eventually(
        async () => (await machinesIn('ended')).find(({ machineId }) => machineId === machine.machineId),
        'the machine is shown as ended',
      );
      expect(gone.endReason).not.toBeNull();
      expect(gone.endCause?.text).toMatch(/\S/);
      if (recoversByItself()) {
        const [other] = await running();
        expect(other?.machineId).not.toBe(machine.machineId);
        expect(await provider.state(ref)).toMatchObject({ status: 'active', running: 1 });
        return;
      }
      await under.settle();
      expect(await machinesIn('starting', 'running')).toEqual([]);
      expect((await provider.state(ref)).status).toBe('ended');
    });
  });

  describe(`${name}: end`, () => {
    test('with its machines leaves nothing that runs, and nothing comes after it', async () => {
      const { ref } = await launched({ nodes: 2 });
      await provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
      expect(['ending', 'ended']).toContain((await provider.state(ref)).status);
      await ended();
      await under.settle();
      expect(await machinesIn('starting', 'running')).toEqual([]);
      await eventually(async () => (await provider.state(ref)).status === 'ended', 'the launch has ended');
    });

    test('without its machines lets them run, and replaces none', async () => {
      const { ref, machine } = await launched();
      await provider.end({ run: RUN, launch: 1, ref }, { terminate: false });
      await under.settle();
      expect((await machinesIn('running')).map(({ machineId }) => machineId)).toEqual([machine.machineId]);
      expect(await provider.state(ref)).toMatchObject({ status: 'ending' });
      await under.faults.lose(machine.machineId);
      await ended();
      await under.settle();
      expect(await machinesIn('starting', 'running')).toEqual([]);
    });

    test('with its machines, after it was ended without them, ends them too', async () => {
      const { ref } = await launched({ nodes: 2 });
      await provider.end({ run: RUN, launch: 1, ref }, { terminate: false });
      await under.settle();
      expect(await machinesIn('running')).toHaveLength(2);
      await provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
      await ended();
    });

    test('of a launch that is not shown yet ends it', async () => {
      const asked = await request();
      const ref = await provider.launch(asked);
      under.faults.hideNew(true);
      const ending = provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
      await under.pass();
      under.faults.hideNew(false);
      await ending;
      await under.settle();
      await ended();
      expect((await provider.state(ref)).status).not.toBe('active');
    });

    test('may be asked for again and again', async () => {
      const { ref } = await launched();
      const end = () => provider.end({ run: RUN, launch: 1, ref }, { terminate: true });
      await end();
      await end();
      await ended();
      await end();
    });

    test('finds by run and launch what it is to end', async () => {
      await launched();
      const other = await provider.launch(await request({ launch: 2 }));
      await running(2);
      await provider.end({ run: RUN, launch: 1, ref: null }, { terminate: true });
      await eventually(async () => (await machinesIn('running')).every(({ launch }) => launch === 2), 'launch 1 ended');
      await under.settle();
      expect(await provider.state(other)).toMatchObject({ status: 'active', running: 1 });
      expect(await machinesIn('running')).toHaveLength(1);
    });

    test('of a launch that never was, or is forgotten, is done', async () => {
      await provider.end({ run: RUN, launch: 7, ref: null }, { terminate: true });
      await provider.end({ run: RUN, launch: 7, ref: under.unknown.ref }, { terminate: true });
    });

    test('comes by itself when the time is over, where the provider can do that', async () => {
      if (!provider.can.expires.value) return;
      const ref = await provider.launch(await request({ validUntilMs: under.nowMs() + under.shortLifeMs }));
      const made = await eventually(async () => (await provider.machines(RUN))[0], 'a machine');
      await eventually(async () => (await provider.state(ref)).status !== 'active', 'the time is over');
      await ended();
      await under.settle();
      expect((await provider.machines(RUN)).map(({ machineId }) => machineId)).toEqual([made.machineId]);
    });
  });

  describe(`${name}: facets`, () => {
    test('a launch that found nothing goes on in the other market', async () => {
      if (provider.markets === undefined) return expect(provider.can.markets.value).toHaveLength(1);
      under.faults.setRoom('spot', 'none');
      const ref = await provider.launch(await request({ mayChangeMarket: true }));
      await under.settle();
      expect(await machinesIn('starting', 'running')).toEqual([]);
      await provider.markets.switchTo(ref, 'on-demand', 1);
      const [machine] = await running();
      expect(machine?.market).toBe('on-demand');
      await provider.markets.switchTo(ref, 'on-demand', 1);
      await under.settle();
      expect((await machinesIn('running')).map(({ machineId }) => machineId)).toEqual([machine?.machineId]);
    });

    test('a machine that is not there takes no script', async () => {
      const { machine } = await launched();
      await provider.end({ run: RUN, launch: 1, ref: null }, { terminate: true });
      await ended();
      if (provider.shell === undefined) return;
      await rejection(provider.shell.run(machine.machineId, 'true', { timeoutMs: 500 }), 'agent-unreachable');
    });
  });
}

const placeOf = ({ machineType, location }: Pick<Offer, 'machineType' | 'location'>) => `${machineType} ${location}`;

/** The error with which a promise rejects; a fulfilled one fails the test, and so does an error without a hint for people. */
async function rejection(promise: Promise<unknown>, code: RunctlError['code']): Promise<RunctlError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)} instead of ${code}`);
  if (!isRunctlError(outcome.error)) throw outcome.error;
  expect(outcome.error.code, outcome.error.message).toBe(code);
  return outcome.error;
}
