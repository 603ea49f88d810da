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

test.each([
  ['one type', 'elsewhere.gpu', /elsewhere\.gpu/],
  ['one of two', 'known.gpu,elsewhere.gpu', /elsewhere\.gpu/],
])('a launch with a budget stays on spot where the other market has no price: %s', async (_what, types, named) => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const plan = ['launch', 'train.py', '--dry-run', '--budget', '5', '--instance-type', types];
  const { exitCode, stderr, stdout } = await world.run(plan);
  expect(exitCode).toBe(0);
  expect(stdout + stderr).toMatch(/no capacity +waits on spot, at most/);
  expect(stdout + stderr).toMatch(
    /no fallback to on-demand: its price is not known here for .*--assume-price USD gives one/,
  );
  expect(stdout + stderr).toMatch(named);
  const json = JSON.parse((await world.run([...plan, '--json'])).stdout) as Record<string, unknown>;
  expect(json).toMatchObject({ onDemandAfterMs: null, fallbackOffers: [] });
  const assumed = await world.run([...plan, '--assume-price', '3']);
  expect(assumed.stdout + assumed.stderr).toMatch(/on-demand after 5m/);
  for (const unasked of ['--no-fallback', '--detach']) {
    const quiet = await world.run([...plan, unasked]);
    expect(quiet.stdout + quiet.stderr).not.toContain('no fallback');
  }
});

test('a launch that was left without its fallback never changes its market, nor does its resume', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const types = ['--instance-type', 'elsewhere.gpu'];
  await world.run(['launch', 'train.py', '--yes', '--name', 'mine', '--budget', '5', ...types], async () => {
    const run = await world.launched();
    expect(world.machines.capacities[0]?.request.mayChangeMarket).toBe(false);
    await run.outcome({ status: 'stopped' });
    await world.endsOutside(run.run);
  });
  const { stderr } = await world.run(['resume', 'mine', '--yes'], async () => {
    while (world.machines.capacities.length < 2) await world.clock.sleep(50);
    const run = await world.launched();
    expect(world.machines.capacities[1]?.request.mayChangeMarket).toBe(false);
    await run.outcome({ launch: 2, status: 'stopped' });
  });
  expect(stderr).toContain('no fallback to on-demand');
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

test.each([
  ['counts with the price that was assumed before', [], 2.5],
  ['counts with another one that is given', ['--assume-price', '4'], 4],
])('a run that goes on %s', async (_what, given, usd) => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  await world.run([...LAUNCH, '--budget', '5', '--assume-price', '2.5', '--instance-type', 'secret.gpu']);
  const run = await world.launched();
  await run.outcome({ status: 'stopped' });
  await world.endsOutside(run.run);
  expect(await world.run(['resume', 'mine', '--yes', '--detach', ...given])).toMatchObject({ exitCode: 0 });
  expect((await intentOf(world, 2)).assumedPriceUsd).toBe(usd);
});

test('a budget ends a launch whose price is only assumed, whatever its agent does', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  pricesAre(world);
  const given = ['--budget', '5', '--assume-price', '2.5', '--instance-type', 'secret.gpu'];
  expect((await world.run([...LAUNCH, ...given])).stderr).toContain('the launch ends after 1d 2h in any case');
  const { at, validUntil } = await intentOf(world);
  expect(Date.parse(validUntil) - Date.parse(at)).toBe(26 * 3_600_000);
});
