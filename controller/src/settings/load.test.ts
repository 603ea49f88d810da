import { temporaryFolder } from '@runctl/testkit';
import fc from 'fast-check';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSettings, requiredBucket, requiredRegion, type SettingsSources } from './load.ts';
import { settingKeys } from './schema.ts';

interface Given {
  readonly user?: string;
  readonly project?: string;
  readonly environment?: Record<string, string>;
  readonly flags?: SettingsSources['flags'];
  readonly file?: string;
  /** `~/.aws/config` and `~/.aws/credentials`. */
  readonly awsConfig?: string;
  readonly awsCredentials?: string;
}

async function load(given: Given) {
  await using folder = await temporaryFolder();
  const home = join(folder.path, 'home');
  const project = join(folder.path, 'project');
  await mkdir(join(home, '.config', 'runctl'), { recursive: true });
  await mkdir(join(project, 'src'), { recursive: true });
  if (given.user !== undefined) await writeFile(join(home, '.config', 'runctl', 'config.toml'), given.user);
  await mkdir(join(home, '.aws'));
  if (given.awsConfig !== undefined) await writeFile(join(home, '.aws', 'config'), given.awsConfig);
  if (given.awsCredentials !== undefined) await writeFile(join(home, '.aws', 'credentials'), given.awsCredentials);
  if (given.project !== undefined) await writeFile(join(project, '.runctl.toml'), given.project);
  return await loadSettings({
    flags: given.flags ?? {},
    environment: given.environment ?? {},
    file: given.file,
    near: join(project, 'src'),
    cwd: project,
    home,
  });
}

describe('settings', () => {
  test('flags win over the environment, that over the project, that over the user', async () => {
    const user = 'bucket = "user"\nprefix = "user"\nregion = "us-east-1"\nbudget = 1';
    const project = 'bucket = "project"\nprefix = "project"\nregion = "us-east-2"';
    const environment = { RUNCTL_BUCKET: 'environment', RUNCTL_PREFIX: 'environment', AWS_REGION: 'eu-west-1' };
    const settings = await load({ user, project, environment, flags: { bucket: 'flag', region: undefined } });
    expect(settings).toMatchObject({ bucket: 'flag', prefix: 'environment/', region: 'us-east-2', budget: 1 });
  });

  test("the SDK's own region counts when nothing of runctl's names one", async () => {
    expect((await load({ environment: { AWS_REGION: 'eu-west-1' } })).region).toBe('eu-west-1');
    expect((await load({ environment: { AWS_DEFAULT_REGION: 'eu-west-2' } })).region).toBe('eu-west-2');
  });

  test('the region of the AWS profile counts last', async () => {
    const awsConfig = '[default]\nregion = us-west-1\n[profile team]\nregion=eu-west-3\ns3 =\n  region = nested\n';
    const region = async (more: Given) => (await load({ awsConfig, ...more })).region;
    expect(await region({})).toBe('us-west-1');
    expect(await region({ environment: { AWS_PROFILE: 'team' } })).toBe('eu-west-3');
    expect(await region({ flags: { profile: 'team' }, environment: { AWS_PROFILE: 'default' } })).toBe('eu-west-3');
    expect(await region({ environment: { AWS_PROFILE: 'team', AWS_REGION: 'us-east-2' } })).toBe('us-east-2');
    expect(await region({ project: 'region = "us-east-1"' })).toBe('us-east-1');
    expect(await region({ awsConfig: '', awsCredentials: '[default]\nregion = ca-west-1\n' })).toBe('ca-west-1');
    expect(await region({ awsConfig: '' })).toBeUndefined();
  });

  test('a profile that is in neither file is told with the nearest', async () => {
    const awsCredentials = '[training]\naws_access_key_id = AKIA\n';
    await expect(load({ awsCredentials, environment: { AWS_PROFILE: 'trainin' } })).rejects.toMatchObject({
      code: 'config-invalid',
      hint: 'did you mean "training"?',
    });
    await expect(load({ flags: { profile: 'x' } })).rejects.toMatchObject({ code: 'config-invalid' });
  });

  test('a variable that none of runctl knows is told with the nearest', async () => {
    await expect(load({ environment: { RUNCTL_REGOIN: 'us-east-1' } })).rejects.toMatchObject({
      code: 'config-invalid',
      hint: 'did you mean RUNCTL_REGION?',
    });
    const environment = { RUNCTL_SANDBOX_STATE: '/x', RUNCTL_RUN_ID: 'r-abcdefghij', RUNCTL_TYPO: '' };
    await expect(load({ environment })).resolves.toBeDefined();
  });

  test('a prefix ends with one slash or is empty, however it is written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', '/', 'a', 'a/', '/a', '/a/b//', 'a/b'), async (prefix) => {
        const settings = await load({ environment: { RUNCTL_PREFIX: prefix } });
        expect(settings.prefix).toMatch(/^$|^[^/].*[^/]\/$|^[^/]\/$/);
      }),
      { numRuns: 7 },
    );
  });

  test('settings may stand in the table of their group, or outside', async () => {
    const project =
      'keep_last = 5\nbudget = 3\n[checkpoint]\nkeep_last = 5\ngrace = "30s"\n[machine]\non_demand = true';
    expect(await load({ project })).toMatchObject({ keep_last: 5, budget: 3, grace: 30_000, on_demand: true });
    expect(await load({ user: '[limits]\nbudget = 1\nmax_crashes = 9', project })).toMatchObject({
      budget: 3,
      max_crashes: 9,
    });
  });

  test.each([
    [
      'keep_last = 5\n[checkpoint]\nkeep_last = 6',
      /^keep_last in .* and keep_last of \[checkpoint\] in .* differ$/,
      /leave one/,
    ],
    ['[checkpoint]\nkeep_lats = 6', /there is no setting "keep_lats" in \[checkpoint\]$/, /mean "keep_last"\?/],
    ['[checkpoint]\nbudget = 6', /there is no setting "budget" in \[checkpoint\]$/, /stands in \[limits\], or above/],
    ['[checkpoint]\ncolour = "red"', /no setting "colour" in \[checkpoint\]$/, /\[checkpoint\] takes checkpoint_dir, /],
    ['[checkpoints]\nkeep_last = 6', /there is no table \[checkpoints\]$/, /did you mean \[checkpoint\]\?/],
    ['[colours]\nred = 6', /there is no table \[colours\]$/, /the tables are \[machine\], /],
    [
      '[checkpoint]\nkeep_last = "x"',
      /^keep_last of \[checkpoint\] in .* takes a whole number .* not "x"$/,
      /keep_last = 3/,
    ],
    ['[budget]\namount = 3', /^budget in .* takes an amount .* not \{"amount":3\}$/, /for example budget = 40/],
  ])('%j is refused with what would be right', async (project, message, hint) => {
    await expect(load({ project })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  test('an unknown key names its file and the nearest', async () => {
    await expect(load({ project: 'buckett = "x"' })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/\.runctl\.toml: there is no setting "buckett"/) as string,
      hint: 'did you mean "bucket"?',
    });
  });

  test('every key with one slip in it is told with the right key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...settingKeys), fc.nat(20), async (key, at) => {
        const slipped = `${key.slice(0, at % key.length)}x${key.slice(at % key.length)}`;
        const failure = await load({ project: `${slipped} = 1` }).then(
          () => null,
          (error: { hint?: string }) => error,
        );
        expect(failure?.hint).toBe(`did you mean "${key}"?`);
      }),
      { numRuns: 30 },
    );
  });

  test('a wrong value is told with place, key and value; on the command line it is a usage error', async () => {
    await expect(load({ project: 'budget = "lots"' })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(
        /^budget in .*\.runctl\.toml takes an amount of dollars above 0, .* not "lots"$/,
      ) as string,
      hint: 'for example budget = 40',
    });
    await expect(load({ environment: { RUNCTL_BUDGET: 'lots' } })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/^RUNCTL_BUDGET in the environment takes an amount .* not "lots"$/) as string,
      hint: 'for example RUNCTL_BUDGET=40',
    });
    for (const [project, message] of [
      ['bucket = 3', /bucket in .* takes a text in quotes, not 3$/],
      ['no_fallback = "maybe"', /no_fallback in .* takes true or false, not "maybe"$/],
      ['instance_types = 5', /instance_types in .* takes a list, not 5$/],
      ['grace = true', /grace in .* takes a duration from 0s to 1d, not true$/],
    ] as const)
      await expect(load({ project })).rejects.toMatchObject({ message: expect.stringMatching(message) as string });
    await expect(load({ project: 'bucket = oops' })).rejects.toMatchObject({ code: 'config-invalid' });
    await expect(load({ file: 'nope.toml' })).rejects.toMatchObject({ code: 'config-missing' });
  });

  test('durations, amounts and lists are read from text', async () => {
    const environment = {
      RUNCTL_GRACE: '1m30s',
      RUNCTL_BUDGET: '$5',
      RUNCTL_SUBNETS: 'subnet-1, subnet-2',
      RUNCTL_ON_DEMAND: 'yes',
    };
    expect(await load({ environment })).toMatchObject({
      grace: 90_000,
      budget: 5,
      subnets: ['subnet-1', 'subnet-2'],
      on_demand: true,
    });
  });

  test("in a local cloud's environment, what names an account in a file does not count", async () => {
    const project = 'bucket = "real"\nsubnets = ["subnet-real"]\nbudget = 3';
    const environment = { RUNCTL_SANDBOX_STATE: '/x', AWS_ENDPOINT_URL: 'http://127.0.0.1:1', RUNCTL_BUCKET: 'local' };
    expect(await load({ project, environment })).toMatchObject({ bucket: 'local', subnets: [], budget: 3 });
  });

  test('a missing bucket or region says how to name one', async () => {
    const settings = await load({});
    expect(() => requiredBucket(settings)).toThrow(
      expect.objectContaining({
        code: 'config-missing',
        hint: expect.stringContaining('--sandbox') as string,
      }) as Error,
    );
    expect(() => requiredRegion(settings)).toThrow(expect.objectContaining({ code: 'config-missing' }) as Error);
  });
});
