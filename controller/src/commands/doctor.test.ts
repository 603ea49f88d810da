import type { AccountFinding } from '@runctl/provider';
import { MemoryStore, StoreError, intercepted } from '@runctl/store';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';
import { MemoryAccount } from '../testing/memory-account.ts';

async function doctorWorld(findings: readonly AccountFinding[] = []) {
  const scope = await commandWorld();
  const account = new MemoryAccount();
  account.findings = [...findings];
  scope.world.beforeProvider = (provider) => Object.assign(provider, { account });
  return Object.assign(scope, { account });
}

const ok: AccountFinding = { subject: 'credentials', state: 'ok', text: 'me', fix: null, errorCode: null };
const noProfile: AccountFinding = {
  subject: 'instance profile',
  state: 'problem',
  text: 'this account has none',
  fix: 'make one',
  errorCode: 'config-invalid',
};
const noQuota: AccountFinding = { ...noProfile, subject: 'quota', text: 'is 0', errorCode: 'quota-exceeded' };
const untold: AccountFinding = { ...noProfile, subject: 'rights', state: 'unknown', errorCode: null };

describe('runctl doctor', () => {
  test('says what is right, and ends with 0', async () => {
    await using scope = await doctorWorld([ok]);
    const { exitCode, stdout } = await scope.world.run(['doctor']);
    expect(stdout).toMatchInlineSnapshot(`
      "ok       credentials: me
      ok       bucket: training in us-east-1: writing, reading, listing and deleting work
      ok       clock: this computer's is right
      ok       git: /usr/bin/git
      ok       ssh: /usr/bin/ssh

      nothing found that stops a launch (5 looked at)
      "
    `);
    expect(exitCode).toBe(0);
    expect(await scope.world.keys()).toEqual([]);
  });

  test('ends with the code of the first problem, and says each fix', async () => {
    await using scope = await doctorWorld([ok, untold, noProfile, noQuota]);
    const { exitCode, stdout } = await scope.world.run(['doctor']);
    expect(stdout).toContain('problem  instance profile: this account has none\n         fix: make one\n');
    expect(stdout).toContain('2 problems (5 ok, 1 could not be told)');
    expect(exitCode).toBe(3);
    expect((await scope.world.run(['doctor', '--json'])).exitCode).toBe(3);
  });

  test('what could not be told is no problem', async () => {
    await using scope = await doctorWorld([untold]);
    expect((await scope.world.run(['doctor'])).exitCode).toBe(0);
  });

  test('without an instance profile looks at everything else', async () => {
    await using scope = await doctorWorld([ok]);
    delete scope.world.environment['RUNCTL_INSTANCE_PROFILE'];
    expect((await scope.world.run(['doctor'])).exitCode).toBe(0);
  });

  test('a program that is missing is said', async () => {
    await using scope = await doctorWorld();
    scope.world.programs.delete('git');
    const { exitCode, stdout } = await scope.world.run(['doctor']);
    expect(stdout).toContain('unknown  git: not found here: a project is sent without regard to .gitignore');
    expect(exitCode).toBe(0);
  });

  test.each([
    ['bucket-missing', 10],
    ['denied', 12],
    ['credentials', 12],
    ['transient', 14],
  ] as const)('a bucket that refuses (%s) ends with %i', async (kind, code) => {
    await using scope = await doctorWorld();
    const { world } = scope;
    world.cloudStore = intercepted(world.store, () => Promise.reject(new StoreError(kind, 'refused')));
    const { exitCode, stdout } = await world.run(['doctor']);
    expect(exitCode).toBe(code);
    expect(stdout).toMatch(/problem {2}bucket: writing: .*refused/);
  });

  test('a bucket that can be written to and not be read is no good, and the probe goes', async () => {
    await using scope = await doctorWorld();
    const { world } = scope;
    world.cloudStore = intercepted(world.store, ({ operation }, perform) =>
      operation === 'get' ? Promise.reject(new StoreError('denied', 'no')) : perform(),
    );
    expect((await world.run(['doctor'])).exitCode).toBe(12);
    expect(await world.keys()).toEqual([]);
  });

  test.each([
    [2000, 0, /ok +clock: this computer's is right/],
    [-120_000, 0, /ok +clock: this computer's is 2m.* behind the cloud's/],
    [600_000, 3, /problem +clock: this computer's is 10m.* ahead of the cloud's/],
  ])('a clock that is %i ms ahead: exit code %i', async (aheadMs, code, line) => {
    await using scope = await doctorWorld();
    const { world } = scope;
    const bucketTime = { wallMs: () => world.clock.wallMs() - aheadMs, monotonicMs: () => 0, sleep: async () => {} };
    world.cloudStore = new MemoryStore({ clock: bucketTime });
    const { exitCode, stdout } = await world.run(['doctor']);
    expect(stdout).toMatch(line);
    expect(exitCode).toBe(code);
  });
});

describe('a launch', () => {
  test("stops before it spends where the account can't run it", async () => {
    await using scope = await commandWorld({ 'train.py': 'print(1)' });
    const { world } = scope;
    const account = new MemoryAccount();
    account.findings = [untold, noQuota];
    world.beforeProvider = (provider) => Object.assign(provider, { account });
    const { exitCode, stderr } = await world.run(['launch', 'train.py', '--yes']);
    expect(stderr).toContain('error[quota-exceeded]: quota: is 0\nhint: make one\n');
    expect(exitCode).toBe(13);
    expect(world.machines.capacities).toEqual([]);
  });

  test('says what could not be told of the account, and goes on', async () => {
    await using scope = await doctorWorld([ok, untold, { ...untold, subject: 'quotas', text: 'not allowed to look' }]);
    const { world } = scope;
    await writeFile(join(world.folder, 'train.py'), 'print(1)');
    const planned = await world.run(['launch', 'train.py', '--dry-run']);
    expect(planned.stderr).toContain('note: rights: this account has none\n');
    expect(planned.stderr).toContain('note: quotas: not allowed to look\n');
    expect(planned.stderr).not.toContain('credentials: me');
    const { stdout } = await world.run(['launch', 'train.py', '--dry-run', '--json']);
    expect((JSON.parse(stdout) as { readonly notes: readonly string[] }).notes).toEqual(
      expect.arrayContaining(['rights: this account has none', 'quotas: not allowed to look']),
    );
    expect((await world.run(['launch', 'train.py', '--yes', '--detach'])).exitCode).toBe(0);
  });
});
