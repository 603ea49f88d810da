import { decodeDocument, launchIntent, runKeys } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { '.runctl.toml': '', 'train.py': 'print("hello")\n' };
const HOUR_MS = 3_600_000;
/** At $0.36 per hour, the lowest price there. */
const LAUNCH = ['launch', 'train.py', '--budget', '3.6'];

/** How long a launch of the only run may last, as the provider and its agents learn it. */
async function lastsMs(world: CommandWorld, launch: number): Promise<number> {
  const { run } = await world.launched();
  const key = runKeys(run).launch(launch).intent;
  const { at, validUntil } = decodeDocument(launchIntent, await readBytes(world.store, key), key);
  return Date.parse(validUntil) - Date.parse(at);
}

test('a launch ends a day after what its budget pays for, with its agent or without, and the plan says so', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  const { stderr } = await world.run([...LAUNCH, '--yes', '--detach']);
  expect(stderr).toMatch(/\$3\.60, then a checkpoint and the end; the launch ends after .* in any case/);
  expect(await lastsMs(world, 1)).toBe(34 * HOUR_MS);
  const { stdout } = await world.run([...LAUNCH, '--dry-run', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ budgetUsd: 3.6, maxRuntimeMs: 168 * HOUR_MS, endsAfterMs: 34 * HOUR_MS });
});

test('a resume ends so, too, and a shorter --max-runtime comes first', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await world.run([...LAUNCH, '--yes', '--detach', '--name', 'mine', '--max-runtime', '2h']);
  expect(await lastsMs(world, 1)).toBe(2 * HOUR_MS);
  const run = await world.launched();
  await run.outcome({ status: 'stopped' });
  await world.endsOutside(run.run);
  await world.clock.advance(60_000);
  expect(await world.run(['resume', 'mine', '--yes', '--detach'])).toMatchObject({ exitCode: 0 });
  expect(await lastsMs(world, 2)).toBe(34 * HOUR_MS);
});
