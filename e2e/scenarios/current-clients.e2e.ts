import { execa } from 'execa';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { World } from '../support/world.ts';

const python = process.env['RUNCTL_BOTO3_PYTHON'];

/** `export NAME='value'` lines as an environment. */
function exported(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^export (\w+)='?([^'\n]*)'?$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
}

test("today's AWS command line needs nothing but what `sandbox env` exports", async (context) => {
  if (python === undefined) {
    context.skip('no current AWS clients: set RUNCTL_BOTO3_PYTHON (see .ci/run)');
    return;
  }
  await using world = await World.start();
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: world.folder,
    ...exported((await world.runctl(['sandbox', 'env'])).stdout),
  };
  const aws = (...args: string[]) =>
    execa(join(dirname(python), 'aws'), args, { env, extendEnv: false, reject: false });

  const identity = await aws('sts', 'get-caller-identity', '--output', 'json');
  expect(identity, identity.stderr).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(identity.stdout)).toMatchObject({ Account: '123456789012' });
  const zones = await aws(
    'ec2',
    'describe-availability-zones',
    '--query',
    'AvailabilityZones[].ZoneName',
    '--output',
    'json',
  );
  expect(JSON.parse(zones.stdout)).toEqual(['us-east-1a', 'us-east-1b', 'us-east-1c']);

  const put = [
    's3api',
    'put-object',
    '--bucket',
    world.region.bucket,
    '--key',
    'once',
    '--body',
    join(world.folder, 'sandbox/region.json'),
  ];
  expect(await aws(...put, '--if-none-match', '*')).toMatchObject({ exitCode: 0 });
  const again = await aws(...put, '--if-none-match', '*');
  expect(again.exitCode).not.toBe(0);
  expect(again.stderr).toContain('PreconditionFailed');
});
