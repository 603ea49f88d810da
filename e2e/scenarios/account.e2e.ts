import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { projectWith } from '../support/launching.ts';
import { runctl, type Finished } from '../support/runctl.ts';
import { World } from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.start();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** The local cloud as an account at AWS: nothing but keys, a region and where it answers. */
function onlyKeys(): Record<string, string> {
  const { endpoint, region, accessKeyId, secretAccessKey } = world.region;
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: world.env['HOME'] ?? world.folder,
    XDG_CACHE_HOME: world.env['XDG_CACHE_HOME'] ?? '',
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    RUNCTL_TIME_SCALE: world.env['RUNCTL_TIME_SCALE'] ?? '1',
  };
}

test('an account is made ready, looked at, trained in and given back', async () => {
  const script = await projectWith(world, 'counter');
  const folder = join(script, '..');
  const run = (...argv: string[]): Promise<Finished> => runctl(argv, { env: onlyKeys(), cwd: folder });
  const expectDone = (finished: Finished): void =>
    expect(finished, finished.stderr + finished.stdout).toMatchObject({ exitCode: 0 });

  const names = ['--bucket', 'fresh-account', '--instance-profile', 'trainer'];
  const missing = await run('doctor', ...names);
  expect(missing.stdout).toContain('problem  instance profile: this account has no instance profile trainer');
  expect(missing.exitCode).not.toBe(0);

  expectDone(await run('init', '--cloud', '--yes', ...names));
  expect(await readFile(join(folder, '.runctl.toml'), 'utf8')).toMatch(
    /^region = "us-east-1"\nbucket = "fresh-account"\ninstance_profile = "trainer"\nsecurity_groups = \["sg-\w+"\]\n$/,
  );
  const ready = await run('doctor', '--instance-type', 'c7i.large');
  expectDone(ready);
  expect(ready.stdout).not.toContain('problem ');

  expectDone(await run('launch', script, '--yes', '--instance-type', 'c7i.large', '--', '3', '0.05'));
  const given = await eventually('the machine has ended, so that its role can go', async () => {
    const finished = await run('init', '--destroy', '--yes');
    return finished.exitCode !== 11 && finished;
  });
  expectDone(given);
  const after = await run('doctor', '--instance-type', 'c7i.large');
  expect(after.stdout).toContain('problem  instance profile: this account has no instance profile trainer');
  expect(after.stdout).toContain('ok       bucket: fresh-account');
});
