import type { MemoryMachineType } from '@runctl/provider/memory';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const type = (spot: number | null, size: readonly [number, number, number], gpu = 'A10G'): MemoryMachineType => ({
  architecture: gpu === 'T4g' ? 'arm64' : 'x64',
  usd: { spot, 'on-demand': spot === null ? null : 3 * spot },
  size: { cpus: size[0], memoryGiB: size[1], gpus: size[2] === 0 ? null : { name: gpu, count: size[2] } },
});

function sells(world: CommandWorld): void {
  world.rentsFrom({
    locations: ['us-east-1a'],
    machineTypes: {
      'one.small': type(0.4, [4, 16, 1]),
      'one.large': type(0.5, [8, 64, 1]),
      'four.large': type(2, [48, 192, 4]),
      'other.small': type(0.3, [4, 16, 1], 'L4'),
      'plain.large': type(0.1, [8, 32, 0]),
      'arm.small': type(0.2, [4, 8, 1], 'T4g'),
      'unknown.large': type(null, [8, 32, 1], 'B300'),
    },
    defaultMachineTypes: ['one.small', 'other.small'],
  });
}

const typesIn = (stdout: string): string[] => stdout.split('\n').flatMap((line) => /^(\S+\.\S+)/.exec(line)?.[1] ?? []);

test('shows what a launch would choose from, with prices in both markets, and asks for nothing', async () => {
  await using scope = await commandWorld();
  const { world } = scope;
  sells(world);
  world.environment = { RUNCTL_BUCKET: 'training', RUNCTL_REGION: 'us-east-1' };
  const { exitCode, stdout } = await world.run(['offers']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "TYPE         ZONE        MARKET     PRICE/H  VCPU  MEMORY  ACCELERATORS  ARCH
    other.small  us-east-1a  spot       $0.30    4     16 GiB  1 × L4        x64
    one.small    us-east-1a  spot       $0.40    4     16 GiB  1 × A10G      x64
    other.small  us-east-1a  on-demand  $0.90    4     16 GiB  1 × L4        x64
    one.small    us-east-1a  on-demand  $1.20    4     16 GiB  1 × A10G      x64
    "
  `);
  expect(world.machines.capacities).toEqual([]);
  expect(await world.keys()).toEqual([]);
});

test('needs no bucket', async () => {
  await using scope = await commandWorld();
  const { world } = scope;
  sells(world);
  world.environment = { RUNCTL_REGION: 'us-east-1' };
  world.refusesNoBucket = true;
  const { exitCode, stdout } = await world.run(['offers', '--gpus', 'L4', '--on-demand']);
  expect(exitCode).toBe(0);
  expect(typesIn(stdout)).toEqual(['other.small']);
});

test.each<[string, string[]]>([
  ['--gpus A10G', ['one.small', 'one.large']],
  ['--gpus A10G:1', ['one.small', 'one.large']],
  ['--gpus a10g:1', ['one.small', 'one.large']],
  ['--gpus A10G:2+', ['four.large']],
  ['--gpus 4', ['four.large']],
  ['--gpus 1', ['other.small', 'one.small', 'one.large', 'unknown.large']],
  ['--gpus A10G:1 --cpus 8+', ['one.large']],
  ['--gpus A10G --memory 100+', []],
  ['--cpus 8', ['plain.large', 'one.large', 'unknown.large']],
  ['--cpus 8+ --memory 33+', ['one.large', 'four.large']],
  ['--gpus 1+ --arch arm64', ['arm.small']],
  ['--gpus B300', ['unknown.large']],
])('%s', async (needs, types) => {
  await using scope = await commandWorld();
  const { world } = scope;
  sells(world);
  const result = await world.run(['offers', ...needs.split(' ')]);
  expect([...new Set(typesIn(result.stdout))]).toEqual(types);
  expect(result.exitCode).toBe(types.length === 0 ? 13 : 0);
});

test('one line an offer for programs, and on-demand alone where that is asked for', async () => {
  await using scope = await commandWorld();
  const { world } = scope;
  sells(world);
  const { stdout } = await world.run(['offers', '--on-demand', '--gpus', 'L4', '--json']);
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    {
      type: 'offer',
      machineType: 'other.small',
      location: 'us-east-1a',
      market: 'on-demand',
      pricePerHourUsd: expect.closeTo(0.9) as number,
      architecture: 'x64',
      size: { cpus: 4, memoryGiB: 16, gpus: { name: 'L4', count: 1 } },
    },
  ]);
});

test('shows where prices have been, where the provider tells', async () => {
  await using scope = await commandWorld();
  const { world } = scope;
  sells(world);
  const refused = await world.run(['offers', '--days', '90']);
  expect(refused.stderr).toContain('memory does not tell what machines have cost');
  const sinceDays: number[] = [];
  world.beforeProvider = (provider) =>
    Object.assign(provider, {
      prices: {
        ranges: (offers: readonly unknown[], sinceMs: number) => {
          sinceDays.push((world.clock.wallMs() - sinceMs) / 86_400_000);
          return Promise.resolve(offers.map((_, at) => (at === 0 ? { lowUsd: 0.25, highUsd: 0.5 } : null)));
        },
      },
    });
  const { stdout } = await world.run(['offers', '--days', '90', '--gpus', 'L4']);
  expect(stdout).toMatch(/PRICE\/H +90 DAYS +VCPU/);
  expect(stdout).toMatch(/other\.small +us-east-1a +spot +\$0\.30 +\$0\.25–\$0\.50 +4/);
  expect(stdout).toMatch(/on-demand +\$0\.90 +unknown +4/);
  expect(sinceDays).toEqual([90]);
});

test.each([
  ['--days', '0', /--days takes a whole number from 1 to 90/],
  ['--days', '91', /--days takes a whole number from 1 to 90/],
  ['--gpus', '0', /--gpus takes accelerators as NAME:N/],
  ['--gpus', 'A10G:', /--gpus takes accelerators as NAME:N/],
  ['--gpus', 'A10G:many', /not "A10G:many"\nhint: for example --gpus A10G:1/],
  ['--cpus', '8-16', /--cpus takes a number of vCPUs, with a plus for "or more", not "8-16"/],
  ['--cpus', '+8', /--cpus takes a number of vCPUs/],
  ['--memory', '32GB', /--memory takes a number of GiB/],
  ['--memory', '1.5', /--memory takes a number of GiB/],
  ['--arch', 'x86', /--arch takes x64 or arm64/],
])('%s %s is refused', async (flag, value, text) => {
  await using scope = await commandWorld();
  const result = await scope.world.run(['offers', flag, value]);
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toMatch(text);
});

test('a launch takes the types that have what is needed, and a named one that lacks it is refused', async () => {
  await using scope = await commandWorld({ 'requirements.txt': '', 'train.py': 'print("hello")\n' });
  const { world } = scope;
  sells(world);
  const launch = ['launch', 'train.py', '--yes', '--detach', '--gpus', 'A10G:1', '--memory', '32+'];
  expect((await world.run([...launch, '--instance-type', 'one.small'])).stderr).toContain(
    'one.small lacks what is needed',
  );
  expect(await world.run(launch)).toMatchObject({ exitCode: 0 });
  expect(world.machines.capacities[0]?.request.offers.map(({ machineType }) => machineType)).toEqual(['one.large']);
});
