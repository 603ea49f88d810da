import { MemoryProvider } from '@runctl/provider/memory';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };

/** A run whose documents are what a runctl of format 1 wrote: no reader may guess what they mean. Returns its id. */
async function olderRun(world: CommandWorld): Promise<string> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  const { run } = await world.launched();
  const older = Buffer.from(`${JSON.stringify({ version: 1, run })}\n`);
  const keys = (await world.keys()).filter((key) => key.includes(run) || key.startsWith('names/'));
  for (const key of keys) await world.store.put(key, older);
  return run;
}

describe('a run of format 1', () => {
  test('is listed as older', async () => {
    await using scope = await commandWorld(PROJECT);
    await olderRun(scope.world);
    const listed = await scope.world.run(['status']);
    expect(listed).toMatchObject({ exitCode: 0 });
    expect(listed.stdout).toMatch(/<run> +- +older format/);
    const json = JSON.parse((await scope.world.run(['status', '--json'])).stdout.trim()) as Record<string, unknown>;
    expect(json).toMatchObject({ state: { kind: 'older' } });
  });

  test.each(['status', 'resume', 'logs', 'wait', 'attach'])('is refused by %s with what to do', async (command) => {
    await using scope = await commandWorld(PROJECT);
    await olderRun(scope.world);
    const flags = command === 'resume' ? ['--yes'] : [];
    const refused = await scope.world.run([command, 'mine', ...flags]);
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toMatch(/error\[older-format\]: .* has format 1; this runctl reads format 2/);
    expect(refused.stderr).toContain('`runctl stop <run>` ends its machines all the same');
  });

  test('is stopped as the provider finds it, by id and by name', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await olderRun(world);
    const stopped = await world.run(['stop', 'mine']);
    expect(stopped).toMatchObject({ exitCode: 0 });
    expect(stopped.stderr).toContain('ended capacity-runctl-<run>-1, found at the provider');
    expect(world.capacityStates()).toEqual(['ended']);
    expect(await world.run(['stop', 'mine'])).toMatchObject({ exitCode: 0 });
  });

  test('is not said to be stopped while a machine of it still runs', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await olderRun(world);
    const [first] = world.machines.capacities;
    const provider = new MemoryProvider(world.machines);
    // A launch that the bucket shows nothing of: nobody knows what to end.
    const ref = await provider.launch({ ...first!.request, launch: 2, token: 'another-token' });
    await world.clock.advance(1000);
    const stopped = await world.run(['stop', 'mine']);
    expect(stopped.stderr).toMatch(/error\[cloud-error\]: i-2 of <run> still run/);
    expect(stopped.exitCode).toBe(14);
    expect(world.capacityStates()).toEqual(['ended', 'active']);
    await provider.end({ run: first!.request.run, launch: 2, ref }, { terminate: true });
    expect(await world.run(['stop', 'mine'])).toMatchObject({ exitCode: 0 });
  });
});

test('a resumed run boots the agent of the runctl that resumes it', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  const run = await world.launched();
  await run.outcome({ status: 'stopped' });
  const mended = 'c'.repeat(64);
  world.tools = { ...world.tools, agent: { ...world.tools.agent, sha256: mended } };
  expect(await world.run(['resume', 'mine', '--yes', '--detach'])).toMatchObject({ exitCode: 0 });
  const [first, second] = world.machines.capacities.map(({ request }) => request.boot.tools.agentSha256);
  expect(first).toBe('a'.repeat(64));
  expect(second).toBe(mended);
  expect(await world.keys()).toContain(`tools/agent-${mended}.mjs`);
});
