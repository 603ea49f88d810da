import type { CapacityRef, CapacityRequest, LaunchedCapacity } from '@runctl/provider';
import { RunctlError } from '@runctl/core';
import { MemoryProvider, type MemoryCloud } from '@runctl/provider/memory';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };
const LAUNCH = ['launch', 'train.py', '--yes', '--name', 'mine', '--fallback-after', '60s'];

interface Mishap {
  /** How often the second capacity was asked for, and whether the answer is lost from then on. */
  readonly losesLaunchAnswers?: boolean;
  readonly refusesLaunch?: RunctlError;
  readonly refusesEnd?: boolean;
  /** So many answers are lost of the switch, and of each call while the old machines end. */
  readonly lostAnswers?: number;
}

const lost = () => new RunctlError('cloud-unreachable', 'no answer', { hint: 'x' });

/** Takes a switch of the market and goes on as before, as a provider may that leaves its offers alone for a while. */
class StubbornProvider extends MemoryProvider {
  override readonly markets = { switchTo: () => this.#answer('switchTo', () => Promise.resolve()) };
  readonly #mishap: Mishap;
  #launches = 0;
  #isEnding = false;
  readonly #answers = new Map<string, number>();

  constructor(cloud: MemoryCloud, mishap: Mishap) {
    super(cloud);
    this.#mishap = mishap;
  }

  override async launch(request: CapacityRequest): Promise<CapacityRef> {
    this.#launches += 1;
    if (this.#launches === 1) return super.launch(request);
    if (this.#mishap.refusesLaunch !== undefined) throw this.#mishap.refusesLaunch;
    const ref = await super.launch(request);
    if (this.#mishap.losesLaunchAnswers === true) throw lost();
    return ref;
  }

  override async end(launched: LaunchedCapacity, options: { readonly terminate: boolean }): Promise<void> {
    this.#isEnding = this.#launches === 1;
    if (this.#mishap.refusesEnd === true && this.#isEnding) throw lost();
    await this.#answer('end', () => super.end(launched, options));
  }

  override state(ref: CapacityRef) {
    return this.#isEnding ? this.#answer('state', () => super.state(ref)) : super.state(ref);
  }

  override machines(run?: string) {
    return this.#isEnding ? this.#answer('machines', () => super.machines(run)) : super.machines(run);
  }

  async #answer<T>(call: string, work: () => Promise<T>): Promise<T> {
    const answers = (this.#answers.get(call) ?? 0) + 1;
    this.#answers.set(call, answers);
    const answer = await work();
    if (answers <= (this.#mishap.lostAnswers ?? 0)) throw lost();
    return answer;
  }
}

/** The laptop dies at its nth write of machines.json; 1 is the launch's own. */
function failsAt(store: ObjectStore, nth: number): ObjectStore {
  let writes = 0;
  return intercepted(store, (call, perform) => {
    if (call.operation !== 'put' || call.key?.endsWith('/machines.json') !== true || ++writes < nth) return perform();
    return Promise.reject(new StoreError('denied', 'the laptop is gone'));
  });
}

/** Spot is empty, on-demand has room, and the switch alone does not help. */
function stubborn(world: CommandWorld, mishap: Mishap = {}): void {
  world.spotIsEmpty();
  const provider = new StubbornProvider(world.machines, mishap);
  world.beforeProvider = () => provider;
}

const living = (world: CommandWorld) => world.capacityStates().filter((state) => state !== 'ended');

test('where the switch to on-demand gives no machine, the old request is ended and machines are asked for anew', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  stubborn(world);
  const result = await world.run(LAUNCH, async () => {
    const run = await world.launched();
    while (world.machines.capacities.length < 2) await world.clock.sleep(1000);
    expect(world.capacityStates()).toEqual(['ended', 'active']);
    await world.clock.sleep(10_000);
    const { stdout } = await world.run(['events', 'mine']);
    // Both requests, and what the provider said of each.
    expect(stdout).toMatch(/capacity-\S+-1 +machines asked for, for launch 1\n/);
    expect(stdout).toMatch(/capacity-\S+-1-b +machines asked for anew in the other market, for launch 1\n/);
    expect(stdout).toMatch(/capacity-\S+-1 +there is no machine of this kind left/);
    await run.outcome();
  });
  expect(result.stderr).toMatch(/no spot capacity in 1m: switched to on-demand\n/);
  expect(result.stderr).toMatch(/machines requested anew: capacity-\S+-b\n/);
  expect(result.stderr).toContain('i-1: g4dn.xlarge in us-east-1a, on-demand');
  expect(result.exitCode).toBe(0);
  expect(world.machines.capacities.map(({ market }) => market)).toEqual(['spot', 'on-demand']);
});

test('lost answers on the way there are asked for again', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  stubborn(world, { lostAnswers: 3 });
  const result = await world.run(LAUNCH, async () => {
    const run = await world.launched();
    while (world.machines.capacities.length < 2) await world.clock.sleep(1000);
    await world.clock.sleep(10_000);
    await run.outcome();
  });
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  expect(world.machines.capacities.map(({ market }) => market)).toEqual(['spot', 'on-demand']);
});

test('one that breaks off says what was under way, and how to go on', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  stubborn(world, { refusesEnd: true });
  const { stderr } = await world.run(LAUNCH);
  expect(stderr).toContain('error[cloud-unreachable]: the machines of <run> were being replaced: no answer');
  expect(stderr).toMatch(/hint: `runctl status <run>` shows what lives; .*`runctl resume <run>`/);
});

test('a machine that is just coming, and is not shown yet, is left alone', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  world.spotIsEmpty();
  world.machines.hideNew(100_000);
  const result = await world.run([...LAUNCH, '--fallback-after', '180s'], async () => {
    const run = await world.launched();
    await world.clock.sleep(300_000);
    await run.outcome();
  });
  expect(result.stderr).toContain('switched to on-demand');
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  expect(world.machines.capacities).toHaveLength(1);
});

test('a launch that the other market refuses for good leaves nothing', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  stubborn(world, { refusesLaunch: new RunctlError('quota-exceeded', 'the quota of on-demand is used up') });
  const result = await world.run(LAUNCH);
  expect(result.exitCode).toBe(13);
  expect(result.stderr).toContain('the quota of on-demand is used up; nothing of the launch is left');
  expect(living(world)).toEqual([]);
  expect((await world.keys()).filter((key) => key.includes('/launches/'))).toEqual([]);
});

describe('a laptop that dies while it asks anew', () => {
  const deaths: readonly (readonly [string, (world: CommandWorld) => void, number])[] = [
    ['before it says so', (world) => (world.cloudStore = failsAt(world.store, 2)), 1],
    ['before the old machines end', (world) => stubborn(world, { refusesEnd: true }), 1],
    ['after they have ended', (world) => (world.cloudStore = failsAt(world.store, 3)), 0],
    ['while it asks', (world) => stubborn(world, { losesLaunchAnswers: true }), 1],
    ['before it keeps the answer', (world) => (world.cloudStore = failsAt(world.store, 4)), 1],
  ];

  /** The command that died; from then on everything answers again. */
  async function deadLaunch(world: CommandWorld, die: (world: CommandWorld) => void) {
    stubborn(world);
    die(world);
    const launching = await world.run(LAUNCH);
    world.cloudStore = world.store;
    world.beforeProvider = (provider) => provider;
    return launching;
  }

  test.each(deaths)('%s leaves at most one request alive, which a stop ends', async (_when, die, alive) => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    expect((await deadLaunch(world, die)).exitCode).not.toBe(0);
    expect(living(world)).toHaveLength(alive);
    expect(await world.run(['stop', 'mine'])).toMatchObject({ exitCode: 0 });
    expect(living(world)).toEqual([]);
  });

  test.each(deaths)('%s keeps no follower waiting once nothing lives', async (_when, die, alive) => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await deadLaunch(world, die);
    const { run } = await world.launched();
    const beganMs = world.clock.monotonicMs();
    const waited = await world.run(['wait', 'mine', '--timeout', '30m'], async () => {
      await world.clock.sleep(60_000);
      if (alive === 1) await world.endsOutside(run);
    });
    expect(waited.stderr).not.toContain('still goes on');
    expect(world.clock.monotonicMs() - beganMs).toBeLessThan(8 * 60_000);
    expect((await world.run(['status', 'mine'])).stdout).toContain('stranded');
  });

  test.each(deaths)('%s lets nobody launch beside it', async (_when, die, alive) => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await deadLaunch(world, die);
    // What was made a moment ago is not shown yet.
    world.machines.hideNew(30_000);
    const atOnce = await world.run(['resume', 'mine', '--yes', '--detach']);
    expect(living(world).length).toBeLessThanOrEqual(1);
    expect(atOnce.exitCode).toBe(11);
    await world.clock.advance(180_000);
    const later = await world.run(['resume', 'mine', '--yes', '--detach']);
    expect(later.exitCode).toBe(alive === 1 ? 11 : 0);
    expect(living(world)).toHaveLength(1);
  });
});
