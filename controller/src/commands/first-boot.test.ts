import type { CapacityRef } from '@runctl/provider';
import { MemoryProvider } from '@runctl/provider/memory';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';
import { dyingLaptop } from '../testing/dying-laptop.ts';

const PROJECT = { 'train.py': 'print("hello")\n', 'requirements.txt': '' };
const LAUNCH = ['launch', 'train.py', '--yes'] as const;
const DETACHED = [...LAUNCH, '--detach'] as const;

async function watchingWorld() {
  const scope = await commandWorld(PROJECT);
  scope.world.watchesFirstBoot = true;
  return scope;
}

/** Each machine lives for so long and powers itself off; `count` of them. */
async function machinesDie(world: CommandWorld, count: number, afterMs = 40_000): Promise<void> {
  await world.launched();
  for (let number = 1; number <= count; number++) {
    await world.clock.sleep(afterMs);
    world.machines.lose(`i-${number}`, 'powered-off');
  }
}

function minutesOf(world: CommandWorld): number {
  return world.clock.monotonicMs() / 60_000;
}

const livingMachines = (world: CommandWorld): number =>
  world.machines.capacities.flatMap((capacity) => capacity.living(world.clock.wallMs())).length;

describe.each([
  ['launch', LAUNCH],
  ['launch --detach', DETACHED],
])('%s of machines that never speak', (_what, argv) => {
  test('is ended after three of them, with why they are gone and what to do', async () => {
    await using scope = await watchingWorld();
    scope.world.rentsFrom({ makeMs: 5000 });
    const result = await scope.world.run(argv, (world) => machinesDie(world, 3));
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toMatch(
      /error\[boot-failed\]: 3 machines ended before an agent spoke \(i-1: the memory cloud says powered-off;/,
    );
    expect(result.stderr).toContain('the launch is ended, and nothing of it costs any more');
    expect(result.stderr).toMatch(/hint: .*docs\/aws-account\.md.*`runctl resume <run>`/);
    expect(scope.world.capacityStates()).toEqual(['ended']);
    expect(scope.world.machines.capacities[0]?.machines).toHaveLength(3);
  });

  test('is ended after 20 minutes of one that runs', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(argv);
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toContain('machines ran for 20m, and no agent spoke');
    expect(minutesOf(scope.world)).toBeLessThan(22);
    expect([scope.world.capacityStates(), livingMachines(scope.world)]).toEqual([['ended'], 0]);
    const status = await scope.world.run(['status', (await scope.world.newestRun()).run]);
    expect(status.stdout).toMatch(/state +failed: machines ran for 20m/);
  });

  test('can be resumed once the cause is mended', async () => {
    await using scope = await watchingWorld();
    await scope.world.run(argv);
    const { run } = await scope.world.newestRun();
    const resumed = await scope.world.run(['resume', run, '--yes', '--detach'], async (world) => {
      const again = await world.newestRun();
      await world.clock.sleep(3000);
      await again.started(2, null, 2);
      await again.heartbeat(2, { launch: 2 });
    });
    expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
    expect(scope.world.capacityStates()).toEqual(['ended', 'active']);
  });

  test('is not ended by a laptop while a machine holds the run', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(argv, async (world) => {
      const run = await world.launched();
      // The agent has the lease at the last moment, and speaks a while later.
      await world.clock.sleep(20 * 60_000 - 5000);
      await run.lease(1);
      await world.clock.sleep(25_000);
      await run.started(1);
      await run.heartbeat(1);
      await run.ended(1);
      await run.outcome();
    });
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    expect(result.stderr).not.toContain('error[');
  });
});

describe('launch --detach', () => {
  test('returns once the first agent has spoken', async () => {
    await using scope = await watchingWorld();
    let spokeAtMs = 0;
    const result = await scope.world.run([...DETACHED, '--json'], async (world) => {
      const run = await world.launched();
      await world.clock.sleep(90_000);
      spokeAtMs = world.clock.monotonicMs();
      await run.started(1);
      await run.heartbeat(1, { phase: 'preparing' });
    });
    expect(result.exitCode).toBe(0);
    expect(JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'detached',
      exitCode: 0,
      unheard: null,
    });
    expect(spokeAtMs).toBeGreaterThan(90_000);
    expect(scope.world.clock.monotonicMs() - spokeAtMs).toBeLessThan(5000);
    expect(scope.world.capacityStates()).toEqual(['active']);
  });

  test('returns where there is no machine yet, and says what nobody watches and what that may cost', async () => {
    await using scope = await watchingWorld();
    scope.world.spotIsEmpty();
    const result = await scope.world.run(DETACHED);
    expect(result.exitCode).toBe(0);
    expect(scope.world.clock.monotonicMs()).toBeLessThan(60_000);
    expect(result.stderr).toMatch(
      /<run> is launched\n +no agent has spoken yet, and nobody watches for it now: machines that never speak cost up to \$60\.\d\d until 2026-01-08 00:0\d UTC\n/,
    );
    expect(scope.world.capacityStates()).toEqual(['active']);
  });

  test('fails with an error of the moment in which it would return', async () => {
    await using scope = await watchingWorld();
    const { world } = scope;
    world.spotIsEmpty();
    const beganMs = world.clock.monotonicMs();
    class SlowProvider extends MemoryProvider {
      override async events(ref: CapacityRef, sinceMs: number) {
        if (world.clock.monotonicMs() - beganMs < 25_000) return super.events(ref, sinceMs);
        world.targetIsWrong();
        await world.clock.sleep(10_000);
        return super.events(ref, sinceMs);
      }
    }
    world.beforeProvider = () => new SlowProvider(world.machines);
    const result = await world.run(DETACHED);
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toMatch(/there is no such instance profile .*nothing of the launch is left/);
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('waits on where a machine comes within the first seconds', async () => {
    await using scope = await watchingWorld();
    scope.world.rentsFrom({ makeMs: 20_000 });
    const result = await scope.world.run(DETACHED, async (world) => {
      const run = await world.launched();
      await world.clock.sleep(60_000);
      await run.started(1);
      await run.heartbeat(1);
    });
    expect(result.stderr).not.toContain('no agent has spoken yet');
    expect(scope.world.clock.monotonicMs()).toBeGreaterThan(60_000);
  });

  test('gives the exit code of a launch that its first boot ended, and clears up what that may not end', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(DETACHED, async (world) => {
      const run = await world.launched();
      await run.outcome({ status: 'failed', cause: 'spawn-failed', message: 'the role may not delete its fleet' });
    });
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toContain('failed the role may not delete its fleet');
    expect(scope.world.capacityStates()).toEqual(['ended']);
  });

  test('returns at once with --no-first-boot-check, whose plan says what that risks', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run([...DETACHED, '--no-first-boot-check']);
    expect(result.exitCode).toBe(0);
    expect(scope.world.clock.monotonicMs()).toBeLessThan(2000);
    expect(result.stderr).toMatch(
      /first boot +not watched: machines that never speak, and may not end the launch, cost up to \$60\.48 within 7d/,
    );
  });

  test('says before it costs what is lost where nobody watches', async () => {
    await using scope = await watchingWorld();
    const plan = await scope.world.run(['launch', 'train.py', '--dry-run', '--detach', '--max-runtime', '10h']);
    expect(plan.stderr).toMatch(
      /first boot +ended after 3 machines or 20m without a word, until its first agent has spoken; unwatched, machines that may not end it cost up to \$3\.60 within 10h/,
    );
    const json = JSON.parse((await scope.world.run(['launch', 'train.py', '--dry-run', '--json'])).stdout) as unknown;
    expect(json).toMatchObject({ checkFirstBoot: true, unheardMostUsd: expect.closeTo(201.6) as number });
  });
});

describe('while a launch waits for its first agent', () => {
  test('Ctrl-C leaves it running, and says what it may cost until when', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(LAUNCH, async (world) => {
      await world.launched();
      await world.clock.sleep(10_000);
      world.interrupts.press();
    });
    expect(result.exitCode).toBe(130);
    expect(result.stderr).toMatch(
      /stopped watching; <run> goes on\n +no agent has spoken yet, .* up to \$201\.\d\d until 2026-01-08/,
    );
    expect(scope.world.capacityStates()).toEqual(['active']);
  });

  test('Ctrl-C after it has spoken says nothing of that', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(LAUNCH, async (world) => {
      const run = await world.launched();
      await run.started(1);
      await run.heartbeat(1);
      await world.clock.sleep(10_000);
      world.interrupts.press();
    });
    expect(result.stderr).toContain('stopped watching');
    expect(result.stderr).not.toContain('no agent has spoken');
  });

  test('waiting for capacity is no silence, however long it takes', async () => {
    await using scope = await watchingWorld();
    scope.world.spotIsEmpty();
    const result = await scope.world.run([...LAUNCH, '--no-fallback'], async (world) => {
      const run = await world.launched();
      await world.clock.sleep(60 * 60_000);
      world.machines.setRoom({ market: 'spot' }, null);
      await world.clock.sleep(60_000);
      await run.started(1);
      await run.outcome();
    });
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  });

  test('machines that spot takes back before they could speak are none of the three', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run(LAUNCH, async (world) => {
      const run = await world.launched();
      for (let number = 1; number <= 4; number++) {
        await world.clock.sleep(30_000);
        world.machines.lose(`i-${number}`);
      }
      await world.clock.sleep(30_000);
      await run.started(1);
      await run.outcome();
    });
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  });
});

describe('status of a launch from which nobody has heard', () => {
  test('comes first in the list, with what it may cost', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await world.run([...DETACHED, '--name', 'silent']);
    await world.clock.advance(600_000);
    await world.run([...DETACHED, '--name', 'newer']);
    const list = (await world.run(['status'])).stdout;
    expect(list).toMatch(
      /^no word from <run> for 10m.*: machines that never speak cost up to \$60\.\d\d until .*`?runctl status silent/,
    );
    expect(list.indexOf('silent  ')).toBeLessThan(list.indexOf('newer  '));
    const lines = (await world.run(['status', '--json'])).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { name: 'silent', unheard: { mostUsd: expect.any(Number) as number } },
      { name: 'newer', unheard: null },
    ]);
  });

  test('comes first too where the laptop died before it learned what it got', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { revive } = dyingLaptop(world, { call: '/machines.json' });
    await world.run([...DETACHED, '--name', 'lost']);
    revive();
    await world.clock.advance(600_000);
    await world.run([...DETACHED, '--name', 'newer']);
    const list = (await world.run(['status'])).stdout;
    expect(list).toMatch(/^no word from <run> for 10m.*: machines that never speak cost up to \$60\.\d\d until /);
    expect(list.indexOf('lost  ')).toBeLessThan(list.indexOf('newer  '));
  });

  test('begins with it, with the machines that are gone and why, and how to end it', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await world.run([...DETACHED, '--name', 'silent']);
    world.machines.lose('i-1', 'powered-off');
    await world.clock.advance(60_000);
    const { stdout } = await world.run(['status', 'silent']);
    const [title, first, second] = stdout.split('\n');
    expect(title).toContain('silent');
    expect(first).toMatch(/no word +of 2 machines: machines that never speak cost up to .* ends it$/);
    expect(second).toMatch(/gone +i-1: the memory cloud says powered-off/);
  });

  test('says nothing of it once an agent has spoken, or where there never was a machine', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    world.spotIsEmpty();
    await world.run([...DETACHED, '--name', 'waiting']);
    expect((await world.run(['status', 'waiting'])).stdout).not.toContain('no word');
    world.machines.setRoom({ market: 'spot' }, null);
    await (await world.newestRun()).heartbeat(1);
    await world.clock.advance(600_000);
    expect((await world.run(['status'])).stdout).not.toContain('no word');
    expect((await world.run(['status', 'waiting'])).stdout).not.toContain('no word');
  });
});
