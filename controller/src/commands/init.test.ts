import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';
import { MemoryAccount } from '../testing/memory-account.ts';

async function initWorld(files: Record<string, string> = {}) {
  const scope = await commandWorld(files);
  const account = new MemoryAccount();
  scope.world.environment = {};
  scope.world.beforeProvider = (provider) => Object.assign(provider, { account });
  return Object.assign(scope, { account });
}

const written = (world: CommandWorld): Promise<string | null> =>
  readFile(join(world.folder, '.runctl.toml'), 'utf8').catch(() => null);

const given = ['--bucket', 'training', '--region', 'us-east-1'];

describe('runctl init', () => {
  test('writes what options give, and asks nothing', async () => {
    await using scope = await initWorld();
    const { world } = scope;
    const { exitCode } = await world.run(['init', ...given, '--instance-profile', 'trainer']);
    expect(exitCode).toBe(0);
    expect(await written(world)).toBe('bucket = "training"\nregion = "us-east-1"\ninstance_profile = "trainer"\n');
    expect(world.connections).toBe(0);
  });

  test('asks for what is missing, with what an empty line stands for', async () => {
    await using scope = await initWorld();
    const { world } = scope;
    world.answer = true;
    world.typed.push('training', '', '');
    expect((await world.run(['init'])).exitCode).toBe(0);
    expect(world.asked).toHaveLength(3);
    expect(await written(world)).toBe(
      'bucket = "training"\nregion = "us-east-1"\ninstance_profile = "runctl-instance"\n',
    );
  });

  test.each([
    [['init'], 3, '--bucket'],
    [['init', '--bucket', 'training'], 3, '--region'],
    [['init', ...given], 3, '--instance-profile'],
    [['init', '--cloud', '--destroy'], 2, 'give one of them'],
    [['init', '--print', 'terraform'], 2, 'iam'],
  ])('%j where nobody can be asked ends with %i', async (argv, code, hint) => {
    await using scope = await initWorld();
    const { exitCode, stderr } = await scope.world.run(argv);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(hint);
    expect(await written(scope.world)).toBeNull();
  });

  test('refuses an answer that is no name', async () => {
    await using scope = await initWorld();
    scope.world.answer = true;
    scope.world.typed.push('No Bucket!');
    expect((await scope.world.run(['init'])).exitCode).toBe(2);
    expect(await written(scope.world)).toBeNull();
  });

  test('adds to a file that is there, and asks before it changes a setting', async () => {
    await using scope = await initWorld();
    const { world } = scope;
    const path = join(world.folder, '.runctl.toml');
    await writeFile(path, '# mine\nbudget = 3\nbucket = "old"\n');
    const argv = ['init', ...given, '--instance-profile', 'trainer'];
    const unasked = await world.run(argv);
    expect([unasked.exitCode, await written(world)]).toEqual([22, '# mine\nbudget = 3\nbucket = "old"\n']);
    expect(unasked.stderr).toContain('--yes');
    world.answer = false;
    expect((await world.run(argv)).exitCode).toBe(22);
    world.answer = true;
    expect((await world.run(argv)).exitCode).toBe(0);
    const changed = '# mine\nbudget = 3\nbucket = "training"\nregion = "us-east-1"\ninstance_profile = "trainer"\n';
    expect(await written(world)).toBe(changed);
    world.answer = null;
    expect(await world.run(argv)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('says so already') as string,
    });
  });

  test("keeps a file that it can't read as it is", async () => {
    await using scope = await initWorld();
    await writeFile(join(scope.world.folder, '.runctl.toml'), 'bucket = "old\n');
    expect((await scope.world.run(['init', ...given, '--yes'])).exitCode).toBe(3);
    expect(await written(scope.world)).toBe('bucket = "old\n');
  });
});

describe('runctl init --cloud', () => {
  test('shows a plan, asks once, makes what is missing and writes the file', async () => {
    await using scope = await initWorld();
    const { world, account } = scope;
    account.made.set('service-linked role', false);
    world.answer = true;
    const { exitCode, stdout } = await world.run(['init', '--cloud', '--region', 'us-east-1']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "account 1, us-east-1
                WHAT                 NAME
      make      bucket               the bucket
      make      role                 the role
      is there  service-linked role  the service-linked role
      made     bucket the bucket
      made     role the role
      wrote region, bucket, instance_profile into <folder>/.runctl.toml
      "
    `);
    expect(await written(world)).toBe(
      'region = "us-east-1"\nbucket = "runctl-1-us-east-1"\ninstance_profile = "runctl-instance"\n',
    );
    expect(account.wishes[0]).toMatchObject({ bucket: null, machineRole: null });
  });

  test('makes nothing unless somebody agrees', async () => {
    await using scope = await initWorld();
    const { world, account } = scope;
    for (const [answer, says] of [
      [null, 'nobody can be asked here, so nothing was made'],
      [false, 'nothing was made'],
    ] as const) {
      world.answer = answer;
      const { exitCode, stderr } = await world.run(['init', '--cloud', '--region', 'us-east-1']);
      expect(exitCode).toBe(22);
      expect(stderr).toContain(says);
    }
    expect([account.made.size, await written(world)]).toEqual([0, null]);
    expect((await world.run(['init', '--cloud', '--region', 'us-east-1', '--yes', '--json'])).exitCode).toBe(0);
    expect(account.made.size).toBe(3);
  });

  test('does not ask where all is there', async () => {
    await using scope = await initWorld();
    const { world, account } = scope;
    for (const kind of ['bucket', 'role', 'service-linked role']) account.made.set(kind, true);
    expect((await world.run(['init', '--cloud', ...given])).exitCode).toBe(0);
    expect(await written(world)).toContain('bucket = "training"');
  });
});

describe('runctl init --print', () => {
  test.each([
    [[], 'iam for ACCOUNT'],
    [['--bucket', 'training'], 'iam for training'],
  ])('prints the text alone: %j', async (more, text) => {
    await using scope = await initWorld();
    const { exitCode, stdout } = await scope.world.run(['init', '--print', 'iam', '--region', 'us-east-1', ...more]);
    expect([exitCode, stdout]).toEqual([0, `${text}\n`]);
    expect(await written(scope.world)).toBeNull();
    const json = await scope.world.run(['init', '--print', 'iam', '--region', 'us-east-1', ...more, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ type: 'account-text', form: 'iam', text });
  });
});

describe('runctl init --destroy', () => {
  test('shows what is ours, asks, and removes it', async () => {
    await using scope = await initWorld();
    const { world, account } = scope;
    account.made.set('bucket', true).set('role', true).set('service-linked role', false);
    const argv = ['init', '--destroy', '--region', 'us-east-1'];
    expect((await world.run(argv)).exitCode).toBe(22);
    expect(account.made.size).toBe(3);
    world.answer = true;
    const { exitCode, stdout } = await world.run(argv);
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "WHAT    NAME
      bucket  the bucket  only if it is empty
      role    the role
      removed  bucket the bucket
      removed  role the role
      kept     service-linked role the service-linked role: shared
      "
    `);
    expect([...account.made.keys()]).toEqual(['service-linked role']);
    expect(await world.run(argv)).toMatchObject({ exitCode: 0, stdout: 'nothing here was made by runctl\n' });
  });

  test('refuses while a machine of a run lives: without its role it could save nothing', async () => {
    await using scope = await initWorld({ 'train.py': 'print(1)' });
    const { world, account } = scope;
    world.environment = { RUNCTL_BUCKET: 'training', RUNCTL_REGION: 'us-east-1', RUNCTL_INSTANCE_PROFILE: 'p' };
    expect((await world.run(['launch', 'train.py', '--yes', '--detach'])).exitCode).toBe(0);
    await world.clock.advance(60_000);
    account.made.set('role', true);
    const { exitCode, stderr } = await world.run(['init', '--destroy', '--yes']);
    expect(exitCode).toBe(11);
    expect(stderr).toContain('still lives');
    expect(account.made.size).toBe(1);
  });

  test.each([
    [[{ name: 'fleet-1', run: 'r-aaaaaaaaaa' }], 'fleet-1 of <run> still waits for a machine\n', 'stop <run>'],
    [[{ name: 'fleet-1', run: null }], 'fleet-1 still waits for a machine\n', 'stop RUN'],
    [
      [
        { name: 'fleet-1', run: 'r-aaaaaaaaaa' },
        { name: 'fleet-2', run: 'r-bbbbbbbbbb' },
      ],
      'waits for a machine, and 1 more is in use',
      'stop <run>',
    ],
  ])('refuses while a launch waits for its machine: %j', async (launches, says, hint) => {
    await using scope = await initWorld();
    const { world, account } = scope;
    account.made.set('role', true);
    account.launches = launches;
    const argv = ['init', '--destroy', '--region', 'us-east-1', '--yes'];
    const { exitCode, stderr } = await world.run(argv);
    expect(exitCode).toBe(11);
    expect(stderr).toContain(says);
    expect(stderr).toContain(hint);
    expect(account.made.size).toBe(1);
    account.launches = [];
    expect((await world.run(argv)).exitCode).toBe(0);
  });
});
