import type { CapacityRef, ProviderEvent } from '@runctl/provider';
import { MemoryProvider, type MemoryCloud } from '@runctl/provider/memory';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };
const LAUNCH = ['launch', 'train.py', '--yes', '--name', 'mine'];
const OFFERS = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'].flatMap((machineType) =>
  ['us-east-1a', 'us-east-1b'].map((location) => ({ machineType, location })),
);

function word(changes: Partial<ProviderEvent>): ProviderEvent {
  return {
    atMs: 1000,
    kind: 'error',
    code: 'aWord',
    errorCode: 'no-capacity',
    hint: 'do something',
    message: 'the reason',
    machineId: null,
    offer: null,
    market: null,
    restsUntilMs: null,
    blocksLaunch: false,
    ...changes,
  };
}

/** Says these words beside what it reports itself, again at every look. */
class TalkingProvider extends MemoryProvider {
  readonly #words: readonly ProviderEvent[];

  constructor(cloud: MemoryCloud, words: readonly ProviderEvent[]) {
    super(cloud);
    this.#words = words;
  }

  override async events(ref: CapacityRef, sinceMs: number) {
    const { events, nextSinceMs } = await super.events(ref, sinceMs);
    return { events: [...this.#words, ...events.filter(({ kind }) => kind !== 'error')], nextSinceMs };
  }
}

/** A provider without a spot machine that says these words of it. */
function says(world: CommandWorld, words: readonly ProviderEvent[]): void {
  world.spotIsEmpty();
  world.beforeProvider = () => new TalkingProvider(world.machines, words);
}

test('what it says is shown with place, reason and rest, once, while following, in the status and among the events', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  const rests = { restsUntilMs: Date.parse('2026-11-30T12:13:00Z') };
  const offer = { machineType: 'g5.xlarge', location: 'us-east-1a' };
  says(world, [word({ offer, ...rests }), word({ offer: { ...offer, location: null }, message: 'another' })]);
  const text = 'g5.xlarge in us-east-1a: the reason (aWord); not tried again before 2026-11-30T12:13:00.000Z';
  const launched = await world.run([...LAUNCH, '--no-fallback'], async () => {
    const run = await world.launched();
    await world.clock.sleep(60_000);
    const status = await world.run(['status', 'mine']);
    expect(status.stdout).toMatch(/active; no machine yet, asked for 1m.* ago/);
    expect(status.stdout).toContain(`no machine ${text}`);
    expect(status.stdout).toContain('no machine g5.xlarge: another (aWord)');
    const events = await world.run(['events', 'mine']);
    expect(events.stdout).toContain(text);
    await run.outcome({ status: 'stopped' });
  });
  expect(launched.stderr.split(`no machine yet: ${text}\n`)).toHaveLength(2);
});

test('as JSON it has each part for itself', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  says(world, [word({ offer: OFFERS[0]!, market: 'spot', restsUntilMs: 5000, blocksLaunch: true })]);
  const { stdout } = await world.run([...LAUNCH, '--no-fallback', '--json'], async () => {
    const run = await world.launched();
    await world.clock.sleep(10_000);
    await run.outcome({ status: 'stopped' });
  });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  expect(lines.filter(({ type }) => type === 'capacity-problem')).toMatchObject([
    { event: { offer: OFFERS[0], market: 'spot', restsUntilMs: 5000, blocksLaunch: true, errorCode: 'no-capacity' } },
  ]);
});

test('a launch whose time is over without a machine lists what was said of each offer', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  says(
    world,
    OFFERS.slice(0, 2).map((offer) => word({ offer, message: `nothing in ${offer.location}` })),
  );
  const { stderr } = await world.run([...LAUNCH, '--no-fallback'], async () => {
    const { run } = await world.launched();
    await world.clock.sleep(10_000);
    await world.endsOutside(run);
  });
  expect(stderr).toContain(
    'no more machines will come (ended)\n  g4dn.xlarge in us-east-1a: nothing in us-east-1a (aWord)\n  g4dn.xlarge in us-east-1b: nothing in us-east-1b (aWord)\n',
  );
});

describe('a quota that is used up', () => {
  const quota = OFFERS.map((offer) =>
    word({ offer, errorCode: 'quota-exceeded', market: 'spot', message: 'too many' }),
  );

  test('ends a launch where it has no room for any machine', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    says(
      world,
      quota.map((each) => ({ ...each, nature: 'lasting' })),
    );
    const { exitCode, stderr } = await world.run([...LAUNCH, '--no-fallback']);
    expect(exitCode).toBe(13);
    expect(stderr).toContain(
      'error[quota-exceeded]: no machine can be made: g4dn.xlarge in us-east-1a: too many (aWord)',
    );
    expect(stderr).toContain('g6.xlarge in us-east-1b: too many (aWord); nothing of the launch is left');
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('is waited for, since machines that runctl knows nothing of may end, and that is said', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    says(world, quota);
    const { exitCode, stderr } = await world.run([...LAUNCH, '--no-fallback'], async () => {
      const run = await world.launched();
      await world.clock.sleep(600_000);
      await run.outcome({ status: 'stopped' });
    });
    expect(exitCode).toBe(21);
    expect(stderr).toContain(
      'too many (aWord); waiting until other machines of the account end or the quota is raised\n',
    );
  });

  test('of spot is no reason to stop where on-demand comes after a while', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    says(world, quota);
    const { exitCode, stderr } = await world.run([...LAUNCH, '--fallback-after', '60s'], async () => {
      const run = await world.launched();
      while (world.machines.capacities[0]?.machines.length === 0) await world.clock.sleep(1000);
      await run.outcome();
    });
    expect(stderr).toContain('switched to on-demand');
    expect(exitCode).toBe(0);
  });
});

test('what may only not be known everywhere yet ends a launch after its first minute, and not before', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  says(world, [word({ errorCode: 'config-invalid', nature: 'settling', message: 'no such profile' })]);
  const { exitCode, stderr } = await world.run([...LAUNCH, '--no-fallback']);
  expect(exitCode).toBe(3);
  expect(stderr).toContain('no machine can be made: no such profile');
  expect(world.clock.monotonicMs()).toBeGreaterThanOrEqual(60_000);
  expect(world.clock.monotonicMs()).toBeLessThan(90_000);
});

test('a launch that lost its machine and gets no other shows why in the status, until it has one', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  world.spotIsEmpty();
  await world.run([...LAUNCH, '--detach']);
  const run = await world.launched();
  await world.clock.advance(60_000);
  const problem = /^ +no machine .*NoRoom/m;
  expect((await world.run(['status', 'mine'])).stdout).toMatch(problem);
  world.machines.setRoom({ market: 'spot' }, null);
  await run.started(1);
  await run.heartbeat(1);
  await world.clock.advance(60_000);
  expect((await world.run(['status', 'mine'])).stdout).not.toMatch(problem);
  world.spotIsEmpty();
  world.machines.lose('i-1');
  await world.clock.advance(60_000);
  expect((await world.run(['status', 'mine'])).stdout).toMatch(problem);
  world.machines.setRoom({ market: 'spot' }, null);
  expect((await world.run(['status', 'mine'])).stdout).not.toMatch(problem);
});
