import { decodeDocument, launchIntent, type LaunchIntent } from '@runctl/protocol';
import type { MemoryMachineType } from '@runctl/provider/memory';
import { readBytes } from '@runctl/store';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };
const LAUNCH = ['launch', 'train.py', '--yes', '--detach', '--name', 'mine'];

const priced = (spot: number | null, onDemand: number | null): MemoryMachineType => ({
  architecture: 'x64',
  usd: { spot, 'on-demand': onDemand },
});

/** Types of which this and that price is known. */
function pricesAre(world: CommandWorld): void {
  world.rentsFrom({
    machineTypes: {
      'known.gpu': priced(0.4, 1.2),
      'new.gpu': priced(null, 2),
      'elsewhere.gpu': priced(0.5, null),
      'secret.gpu': priced(null, null),
    },
    defaultMachineTypes: ['known.gpu'],
  });
}

async function intentOf(world: CommandWorld, launch = 1): Promise<LaunchIntent> {
  const key = (await world.keys()).find((name) => name.endsWith(`launches/000${launch}/intent.json`)) ?? '';
  return decodeDocument(launchIntent, await readBytes(world.store, key), key);
}

test.each([
  ['on spot', ['--instance-type', 'new.gpu'], /no price is known for new\.gpu spot in us-east-1a, .*us-east-1b\n/],
  ['of one of two types', ['--instance-type', 'known.gpu,new.gpu'], /known for new\.gpu spot/],
  ['on demand', ['--on-demand', '--instance-type', 'elsewhere.gpu'], /known for elsewhere\.gpu on-demand/],
  ['anywhere', ['--instance-type', 'secret.gpu'], /secret\.gpu spot in us-east-1b/],
  ['anywhere, with others', ['--instance-type', 'secret.gpu,new.gpu'], /known for .* and 1 more\n/],
])('a budget is refused where a price is not known %s, before anything is made', async (_what, types, text) => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const refused = await world.run([...LAUNCH, '--budget', '5', ...types]);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain("the budget can't be kept");
  expect(refused.stderr).toMatch(text);
  expect(refused.stderr).toContain('--assume-price USD');
  expect(await world.keys()).toEqual([]);
  expect(world.machines.capacities).toEqual([]);
});

test('the market that a watched launch may go on in needs a price too', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const plan = ['launch', 'train.py', '--dry-run', '--budget', '5', '--instance-type', 'elsewhere.gpu'];
  const refused = await world.run(plan);
  expect(refused.stderr).toContain('no price is known for elsewhere.gpu on-demand in us-east-1a');
  expect(refused.stderr).toContain('--no-fallback');
  expect((await world.run([...plan, '--no-fallback'])).exitCode).toBe(0);
  expect((await world.run([...plan, '--detach'])).exitCode).toBe(0);
});

test('without a budget an unknown price keeps nobody from launching', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  expect((await world.run([...LAUNCH, '--instance-type', 'secret.gpu'])).exitCode).toBe(0);
  expect((await intentOf(world)).assumedPriceUsd).toBeUndefined();
});

test('an assumed price is said in the plan, and goes with the launch', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const given = ['--budget', '5', '--assume-price', '2.5', '--instance-type', 'secret.gpu'];
  const { exitCode, stderr } = await world.run([...LAUNCH, ...given]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('$5.00, then a checkpoint and the end, counting $2.50 an hour where no price is known');
  expect(await intentOf(world)).toMatchObject({ assumedPriceUsd: 2.5, offers: [{ pricePerHourUsd: null }, {}] });
});

test('an agent learns the prices of the market that the launch may go on in', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  await world.run(['launch', 'train.py', '--yes', '--name', 'mine'], async () => {
    const run = await world.launched();
    await run.outcome({ status: 'stopped' });
  });
  expect((await intentOf(world)).fallbackOffers).toMatchObject([
    { machineType: 'known.gpu', location: 'us-east-1a', market: 'on-demand', pricePerHourUsd: 1.2 },
    { machineType: 'known.gpu', location: 'us-east-1b', market: 'on-demand', pricePerHourUsd: 1.2 },
  ]);
});

test('a run with a budget goes on only where its price is known, or assumed', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  await world.run([...LAUNCH, '--budget', '5']);
  const run = await world.launched();
  await run.outcome({ status: 'stopped' });
  await world.endsOutside(run.run);
  const resume = ['resume', 'mine', '--yes', '--detach', '--instance-type', 'secret.gpu'];
  const refused = await world.run(resume);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain('no price is known for secret.gpu spot');
  expect(world.capacityStates()).toEqual(['ended']);
  expect((await world.run([...resume, '--assume-price', '3'])).exitCode).toBe(0);
  expect((await intentOf(world, 2)).assumedPriceUsd).toBe(3);
});
