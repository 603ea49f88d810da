import { connectSandbox } from '@runctl/sandbox/client';
import { execa } from 'execa';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { durableStep, jsonLines, launchDetached, reachesStep } from '../support/launching.ts';
import { runctl } from '../support/runctl.ts';
import { World } from '../support/world.ts';

const AWS = '/usr/bin/aws';
const PYTHON = '/usr/bin/python3';

/** What somebody types after `eval "$(runctl sandbox env)"`, in a shell that was set up for another account. */
async function inShell(world: World, script: string) {
  const foreign = {
    AWS_PROFILE: 'work',
    AWS_SESSION_TOKEN: 'of-another-account',
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
  };
  const printed = await runctl(['sandbox', 'env'], { env: { ...world.env, ...foreign } });
  expect(printed, printed.stderr).toMatchObject({ exitCode: 0 });
  return execa('/bin/sh', ['-eu', '-c', `eval "$EXPORTS"\n${script}`], {
    env: {
      PATH: '/usr/bin:/bin',
      HOME: join(world.folder, 'home'),
      EXPORTS: printed.stdout,
      ...foreign,
    },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
}

describe.concurrent('the exports of sandbox env', () => {
  test('lead the AWS command line to the sandbox, whatever the shell was set up for', async (context) => {
    if (!existsSync(AWS)) context.skip(`${AWS} is missing (Debian: apt-get install awscli)`);
    await using world = await World.start();
    await world.bucket.write('greeting', 'hello');
    const aws = `${AWS} --endpoint-url "$AWS_ENDPOINT_URL" --output json`;
    const identity = await inShell(world, `${aws} sts get-caller-identity`);
    expect(identity, identity.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(identity.stdout)).toMatchObject({ Arn: expect.stringMatching(/^arn:aws:/) });
    const listed = await inShell(world, `${aws} s3 ls; ${aws} s3 ls "s3://$RUNCTL_BUCKET/"`);
    expect(listed, listed.stderr).toMatchObject({ exitCode: 0 });
    expect(listed.stdout).toContain(world.region.bucket);
    expect(listed.stdout).toMatch(/ 5 greeting$/m);
    const instances = await inShell(world, `${aws} ec2 describe-instances`);
    expect(instances, instances.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(instances.stdout)).toEqual({ Reservations: [] });
  });

  test('lead boto3 to the sandbox', async (context) => {
    const has = await execa(PYTHON, ['-c', 'import boto3'], { reject: false });
    if (has.exitCode !== 0) context.skip(`${PYTHON} has no boto3 (Debian: apt-get install python3-boto3)`);
    await using world = await World.start();
    await world.bucket.write('greeting', 'hello');
    const program = [
      'import boto3, os',
      'client = lambda name: boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"])',
      'print(client("sts").get_caller_identity()["Account"])',
      'print(client("s3").get_object(Bucket=os.environ["RUNCTL_BUCKET"], Key="greeting")["Body"].read().decode())',
      'print(client("ec2").describe_instances()["Reservations"])',
    ].join('\n');
    const ran = await inShell(world, `${PYTHON} - <<'END'\n${program}\nEND`);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toMatch(/^\d{12}\nhello\n\[\]$/);
  });

  test('lead runctl itself there, without --sandbox', async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['3', '0.1'] });
    expect(await world.runctl(['wait', run])).toMatchObject({ exitCode: 0 });
    const entry = join(import.meta.dirname, '../../controller/bin/runctl.mjs');
    const status = await inShell(world, `"${process.execPath}" "${entry}" status "${run}" --json`);
    expect(status, status.stderr).toMatchObject({ exitCode: 0 });
    expect(status.stdout).toContain('succeeded');
  });
});

test.concurrent(
  'the AWS command line fetches a checkpoint as the plain file that the script wrote',
  async (context) => {
    if (!existsSync(AWS)) context.skip(`${AWS} is missing (Debian: apt-get install awscli)`);
    await using world = await World.start();
    const run = await launchDetached(world, 'heavy', { args: ['10', '0.1', '20', '0', '10'] });
    expect(await world.runctl(['wait', run])).toMatchObject({ exitCode: 0 });
    const manifest = await world.bucket.manifest((await world.bucket.latest(run))?.manifest ?? '');
    expect(manifest?.files).toMatchObject([{ path: 'step-000010.bin', sizeBytes: 20 << 20 }]);
    const key = manifest?.files[0]?.key ?? '';
    const fetched = join(world.folder, 'fetched.bin');
    const copied = await inShell(
      world,
      `${AWS} --endpoint-url "$AWS_ENDPOINT_URL" s3 cp "s3://$RUNCTL_BUCKET/${key}" "${fetched}"`,
    );
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    // What `heavy.py` wrote at its tenth step.
    const program =
      'import random, sys; print(open(sys.argv[1], "rb").read() == random.Random(10).randbytes(20 << 20))';
    expect((await execa(PYTHON, ['-c', program, fetched])).stdout).toBe('True');
  },
);

test.concurrent('a sandbox survives the command that started it, and its objects survive the sandbox', async () => {
  await using world = await World.start();
  await world.bucket.write('greeting', 'hello');
  const status = await runctl(['sandbox', 'status', '--json'], { env: world.env });
  expect(status, status.stderr).toMatchObject({ exitCode: 0 });
  expect(jsonLines(status)[0]).toMatchObject({ level: 'process', timeScale: 0.1, instances: [], fleets: [] });

  const again = await runctl(['sandbox', 'start'], { env: world.env });
  expect(again).toMatchObject({ exitCode: expect.any(Number), stdout: '' });
  expect(again.exitCode).not.toBe(0);
  expect(again.stderr).toMatch(
    /^error\[sandbox-running\]: a local cloud already runs in .*\nhint: .*runctl sandbox stop/,
  );
  expect(isAlive(world.region.pid)).toBe(true);

  expect(await runctl(['sandbox', 'stop'], { env: world.env })).toMatchObject({ exitCode: 0 });
  await eventually('its process is gone', async () => !isAlive(world.region.pid));
  const stopped = await runctl(['sandbox', 'stop'], { env: world.env });
  expect(stopped).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('no local cloud runs in') });
  for (const command of ['status', 'env']) {
    const refused = await runctl(['sandbox', command], { env: world.env });
    expect(refused).toMatchObject({ exitCode: 14, stdout: '' });
    expect(refused.stderr).toMatch(/^error\[sandbox-not-running\]: .*\nhint: start it with `runctl sandbox start`/);
  }

  expect(
    await runctl(['sandbox', 'start', '--level', 'process', '--parent', `${process.pid}`], { env: world.env }),
  ).toMatchObject({ exitCode: 0 });
  using bucket = await world.bucketNow();
  expect(String(await bucket.bytes('greeting'))).toBe('hello');
});

test.concurrent('a run whose sandbox was killed and started again keeps what it saved', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
  const { pid } = await reachesStep(world, run, 1, 5);
  const durable = await durableStep(world, run, 10);
  process.kill(world.region.pid, 'SIGKILL');
  await eventually('the instance dies with its sandbox', async () => !isAlive(pid));

  const parent = spawn('sleep', ['600']);
  const scaled = ['--level', 'process', '--time-scale', '0.1', '--parent', `${parent.pid}`];
  const restarted = await runctl(['sandbox', 'start', ...scaled], { env: world.env });
  expect(restarted, restarted.stderr).toMatchObject({ exitCode: 0 });
  const status = await world.runctl(['status', run, '--json']);
  expect(status, status.stderr).toMatchObject({ exitCode: 0 });
  using bucket = await world.bucketNow();
  expect((await bucket.latest(run))?.step).toBeGreaterThanOrEqual(durable);

  const again = (await connectSandbox(world.env['RUNCTL_SANDBOX_STATE'] ?? '')).file.pid;
  parent.kill('SIGKILL');
  await eventually('it ends with the process that it was bound to', async () => !isAlive(again));
});

test.concurrent('interrupt names what it took, and refuses what is not there', async () => {
  await using world = await World.start();
  const nothing = await world.runctl(['sandbox', 'interrupt', 'i-0123456789abcdef0']);
  expect(nothing.exitCode).not.toBe(0);
  expect(nothing.stderr).toMatch(/^error\[instance-not-found\]: /);
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
  const { machineId } = await reachesStep(world, run, 1, 3);
  const taken = await runctl(['sandbox', 'interrupt', run, '--json'], { env: world.env });
  expect(taken, taken.stderr).toMatchObject({ exitCode: 0 });
  expect(jsonLines(taken)).toEqual([{ type: 'interrupted', instanceIds: [machineId], notice: true }]);
  const status = await runctl(['sandbox', 'status'], { env: world.env });
  expect(status.stdout).toMatch(new RegExp(`${machineId} .*${run} .* left`));
  expect(await world.runctl(['wait', run])).toMatchObject({ exitCode: 0 });
});

function isAlive(pid: number | null): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}
