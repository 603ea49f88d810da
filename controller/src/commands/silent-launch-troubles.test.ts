import { RunctlError } from '@runctl/core';
import type { Provider } from '@runctl/provider';
import { describe, expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

const PROJECT = { 'train.py': 'print("hello")\n', 'requirements.txt': '' };
const LAUNCH = ['launch', 'train.py', '--yes'] as const;
const DETACHED = [...LAUNCH, '--detach'] as const;

async function watchingWorld() {
  const scope = await commandWorld(PROJECT);
  scope.world.watchesFirstBoot = true;
  return scope;
}

/** A provider that takes no order to end anything. */
async function worldWithoutEnd() {
  const scope = await watchingWorld();
  scope.world.beforeProvider = (provider): Provider =>
    Object.assign(provider, {
      end: () => Promise.reject(new RunctlError('cloud-unreachable', 'ending the machines: no answer (ECONNRESET)')),
    });
  return scope;
}

/** Of machines that never speak: at the price of spot. */
const SPOT_COST = /machines that never speak cost up to \$60\.\d\d until 2026-01-08/;
/** At that of on-demand, to which a launch that is watched may switch. */
const WATCHED_COST = /machines that never speak cost up to \$201\.\d\d until 2026-01-08/;

describe('a launch that its laptop can not end', () => {
  test.each([
    ['launch', LAUNCH, WATCHED_COST],
    ['launch --detach', DETACHED, SPOT_COST],
  ])(
    '%s of machines that never speak: why it was to end, why it could not, and what that costs',
    async (_what, argv, cost) => {
      await using scope = await worldWithoutEnd();
      const result = await scope.world.run(argv);
      expect(result.exitCode).toBe(20);
      expect(result.stderr).toContain(
        'error[boot-failed]: machines ran for 20m, and no agent spoke; cleaning up failed too (ending the machines: no answer (ECONNRESET)); ',
      );
      expect(result.stderr).toMatch(cost);
      expect(result.stderr).toMatch(
        /hint: look at what is left with `runctl status <run>` and end it with `runctl stop <run>`/,
      );
      expect(scope.world.capacityStates()).toEqual(['active']);
    },
  );

  test('the same as JSON', async () => {
    await using scope = await worldWithoutEnd();
    const { stderr } = await scope.world.run([...LAUNCH, '--json']);
    const error = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as Record<string, string>;
    expect(error).toMatchObject({ type: 'error', code: 'boot-failed', exitCode: 20 });
    expect(error['message']).toMatch(WATCHED_COST);
  });

  test.each([LAUNCH, ['resume', 'mine', '--yes']])('%s that is hopeless keeps its reason', async (...argv) => {
    await using scope = await worldWithoutEnd();
    const { world } = scope;
    if (argv[0] === 'resume') {
      await world.run([...DETACHED, '--name', 'mine', '--no-first-boot-check']);
      await (await world.newestRun()).outcome({ status: 'stopped' });
      await world.endsOutside((await world.newestRun()).run);
    }
    world.machines.setRoom({ market: 'spot' }, 0);
    world.targetIsWrong();
    const result = await world.run(argv);
    expect(result.stderr).toMatch(/error\[config-invalid\]: .*there is no such instance profile/);
    expect(result.stderr).toContain('; cleaning up failed too (ending the machines: no answer (ECONNRESET))');
    expect(result.stderr).toContain('runctl stop');
  });

  test('one that failed before an agent worked says so, and that machines may be left', async () => {
    await using scope = await worldWithoutEnd();
    const result = await scope.world.run(LAUNCH, async (world) => {
      const run = await world.launched();
      await run.outcome({ status: 'failed', cause: 'spawn-failed', message: 'the role may not delete its fleet' });
    });
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toContain('failed the role may not delete its fleet');
    expect(result.stderr).toContain(
      'error[boot-failed]: no agent of the launch ever worked; cleaning up failed too (ending the machines',
    );
    expect(result.stderr).toMatch(WATCHED_COST);
  });
});

test('another laptop that holds a silent run is waited for, and taken for no machine', async () => {
  await using scope = await watchingWorld();
  const result = await scope.world.run(LAUNCH, async (world) => {
    const run = await world.launched();
    await world.clock.sleep(20 * 60_000 - 5000);
    await run.lease(1, { owner: 'laptop:you@desk' });
  });
  expect(result.exitCode).toBe(20);
  expect(result.stderr).toContain('machines ran for 20m, and no agent spoke; the launch is ended');
  expect(scope.world.capacityStates()).toEqual(['ended']);
});

describe('launch --detach --no-first-boot-check ends with what its machines may cost', () => {
  test('for people', async () => {
    await using scope = await watchingWorld();
    const result = await scope.world.run([...DETACHED, '--no-first-boot-check']);
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toMatch(
      /<run> is launched\n +no agent has spoken yet, and nobody watches for it now: machines/,
    );
    expect(result.stderr).toMatch(SPOT_COST);
  });

  test('for programs', async () => {
    await using scope = await watchingWorld();
    const { stdout } = await scope.world.run([...DETACHED, '--no-first-boot-check', '--json']);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'detached',
      unheard: { mostUsd: expect.closeTo(60.48, 1) as number, until: expect.stringContaining('2026-01-08') as string },
    });
  });
});
