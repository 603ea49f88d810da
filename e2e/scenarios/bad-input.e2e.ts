import {
  DescribeFleetsCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  type DescribeFleetsCommandOutput,
} from '@aws-sdk/client-ec2';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { breakS3 } from '../support/breaking.ts';
import { checkAfter } from '../support/checker.ts';
import { jsonLines, projectWith } from '../support/launching.ts';
import { repository, runctl, type Finished } from '../support/runctl.ts';
import { World } from '../support/world.ts';

let world: World;
let script: string;

beforeAll(async () => {
  world = await World.start();
  script = await projectWith(world, 'counter');
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** What these tests break they break for all, so they come one after the other; each must clear up. */
function eachClearsUp(): void {
  afterEach(async () => {
    await breakS3(world);
    await nothingThatCostsRemains();
  });
}

/** Neither machines, nor fleets that could make some, nor templates; and no run that looks as if it were one. */
async function nothingThatCostsRemains(): Promise<void> {
  const { Reservations = [] } = await world.ec2.send(new DescribeInstancesCommand({}));
  const states = Reservations.flatMap(({ Instances = [] }) => Instances).map(({ State }) => State?.Name);
  expect(states.filter((state) => state !== 'terminated')).toEqual([]);
  const { Fleets = [] }: DescribeFleetsCommandOutput = await world.ec2.send(new DescribeFleetsCommand({}));
  expect(Fleets.map(({ FleetState }) => FleetState).filter((state) => !state?.startsWith('deleted'))).toEqual([]);
  const { LaunchTemplates } = await world.ec2.send(new DescribeLaunchTemplatesCommand({}));
  const ended = (await world.bucket.keys('runs/')).filter((key) => key.endsWith('/outcome.json')).length;
  expect(LaunchTemplates?.length ?? 0).toBeLessThanOrEqual(ended);
  expect((await world.bucket.keys('index/')).length).toBe(ended === 0 ? 0 : 1);
}

interface Refusal {
  readonly exitCode: number;
  readonly code: string;
  readonly message?: RegExp;
  readonly hint: RegExp;
}

/** One error, in one place, of two lines. */
function expectRefusal(finished: Finished, { exitCode, code, message, hint }: Refusal): void {
  expect(finished, finished.stderr + finished.stdout).toMatchObject({ exitCode, stdout: '' });
  const lines = finished.stderr.split('\n').filter((line) => /^(error|hint)/.test(line));
  expect(lines, finished.stderr).toHaveLength(2);
  expect(lines[0]).toMatch(new RegExp(`^error\\[${code}\\]: \\S`));
  if (message !== undefined) expect(lines[0]).toMatch(message);
  expect(lines[1]).toMatch(/^hint: \S/);
  expect(lines[1]).toMatch(hint);
}

const launch = (...more: string[]): Promise<Finished> => world.runctl(['launch', script, '--yes', '--detach', ...more]);

describe.concurrent('a command line that is wrong', () => {
  afterAll(nothingThatCostsRemains);

  test.each<[what: string, args: string[], Refusal]>([
    ['an unknown option', ['--instance-typ', 'x'], { exitCode: 2, code: 'usage', hint: /mean --instance-type\?/ }],
    ['--env without a name', ['--env', '=3'], { exitCode: 2, code: 'usage', hint: /--env NAME=value/ }],
    ['--env without =', ['--env', 'NOT_SET'], { exitCode: 2, code: 'usage', hint: /--env NOT_SET=value/ }],
    [
      'no region at all',
      ['--region', 'nowhere'],
      { exitCode: 2, code: 'usage', message: /"nowhere"/, hint: /for example --region us-east-1/ },
    ],
    [
      'a prefix that leaves no room',
      ['--prefix', 'p'.repeat(17_000)],
      { exitCode: 2, code: 'usage', message: /at most 256 bytes, not "ppp/, hint: /for example/ },
    ],
    [
      'a type that does not exist',
      ['--instance-type', 'g5.xlarg'],
      { exitCode: 2, code: 'instance-type-unknown', message: /g5\.xlarg\b/, hint: /did you mean g5\.xlarge\?/ },
    ],
    [
      'an image that does not exist',
      ['--ami', 'ami-0fedcba9876543210'],
      { exitCode: 3, code: 'config-invalid', message: /ami-0fedcba9876543210/, hint: /--ami/ },
    ],
    ['no image at all', ['--ami', '/no/such'], { exitCode: 3, code: 'config-invalid', hint: /--ami ami-/ }],
    ['a subnet', ['--subnet', 'subnet-0'], { exitCode: 3, code: 'config-invalid', hint: /--subnet/ }],
    [
      'a bucket that does not exist',
      ['--bucket', 'no-such-bucket'],
      { exitCode: 10, code: 'bucket-not-found', message: /no-such-bucket/, hint: /`bucket`/ },
    ],
    [
      'the region of another bucket',
      ['--region', 'us-west-2'],
      { exitCode: 3, code: 'config-invalid', message: /us-east-1/, hint: /--region/ },
    ],
    [
      'an instance profile that does not exist',
      ['--instance-profile', 'runctl-instanc'],
      {
        exitCode: 3,
        code: 'config-invalid',
        message: /no instance profile runctl-instanc\b/,
        hint: /--instance-profile/,
      },
    ],
  ])('%s is refused', async (_what, args, refusal) => {
    expectRefusal(await launch(...args), refusal);
  });

  test('a region that does not exist is named when nothing answers there', async () => {
    const env = { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'x' };
    const args = ['status', '--region', 'us-west-7', '--bucket', 'no-such-bucket'];
    expectRefusal(await runctl(args, { env: { ...world.env, ...env, RUNCTL_SANDBOX_STATE: '' } }), {
      exitCode: 3,
      code: 'config-invalid',
      message: /us-west-7/,
      hint: /did you mean us-west-\d\?/,
    });
  });

  test('with --json the error is one object that says the same', async () => {
    const { exitCode, stdout, stderr } = await launch('--json', '--instance-type', 'g5.xlarg');
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ type: 'error', code: 'instance-type-unknown', exitCode });
  });
});

describe('settings that are wrong', () => {
  eachClearsUp();

  test('an unknown key names its file and the nearest', async () => {
    const folder = join(world.folder, 'misspelt');
    await cp(join(script, '..'), folder, { recursive: true });
    await writeFile(join(folder, '.runctl.toml'), 'buckett = "x"\n');
    expectRefusal(await world.runctl(['launch', join(folder, 'counter.py'), '--yes']), {
      exitCode: 3,
      code: 'config-invalid',
      message: /misspelt\/\.runctl\.toml/,
      hint: /"bucket"/,
    });
  });

  test('an unknown variable names the nearest', async () => {
    expectRefusal(await world.runctl(['status'], { env: { RUNCTL_BUCKETT: 'x' } }), {
      exitCode: 3,
      code: 'config-invalid',
      message: /RUNCTL_BUCKETT/,
      hint: /RUNCTL_BUCKET\?/,
    });
  });
});

describe('a project that cannot be trained', () => {
  eachClearsUp();

  test('a script that is not there, or not in the project', async () => {
    expectRefusal(await world.runctl(['launch', join(world.folder, 'nope.py'), '--yes']), {
      exitCode: 2,
      code: 'script-not-found',
      message: /nope\.py/,
      hint: /looked for/,
    });
    const outside = join(world.folder, 'outside.py');
    await writeFile(outside, 'print(1)\n');
    expectRefusal(await world.runctl(['launch', outside, '--yes', '--project', join(script, '..')]), {
      exitCode: 2,
      code: 'script-outside-project',
      hint: /--project/,
    });
  });

  test('a project of which nothing would be copied', async () => {
    const folder = join(world.folder, 'ignored');
    await cp(join(script, '..'), folder, { recursive: true });
    await writeFile(join(folder, '.gitignore'), '*\n');
    expectRefusal(await world.runctl(['launch', join(folder, 'counter.py'), '--yes']), {
      exitCode: 2,
      code: 'empty-project',
      hint: /\.gitignore/,
    });
  });

  test('a file that cannot be read', async (context) => {
    const root = process.getuid?.() === 0;
    const folder = await mkdtemp(join(tmpdir(), 'runctl-unreadable-'));
    try {
      await chmod(folder, 0o755);
      await mkdir(join(folder, 'home'), { mode: 0o777 });
      const project = join(folder, 'project');
      await mkdir(project);
      await cp(script, join(project, 'counter.py'));
      await writeFile(join(project, 'secret.bin'), 'x', { mode: 0o000 });
      const env = { ...world.env, ...accountOf(world), HOME: join(folder, 'home'), TMPDIR: tmpdir() };
      const nobody = root ? { uid: 65_534, gid: 65_534, cwd: '/' } : {};
      const finished = await runctl(['launch', join(project, 'counter.py'), '--yes'], { env, ...nobody });
      if (root && /EACCES/.test(finished.stderr) && finished.stderr.includes(repository))
        context.skip('this checkout lies where an ordinary user cannot read it');
      expectRefusal(finished, {
        exitCode: 2,
        code: 'file-unreadable',
        message: /secret\.bin/,
        hint: /readable/,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('an account that does not let it', () => {
  eachClearsUp();

  test('a forbidden bucket', async () => {
    await breakS3(world, [denied(['ListObjectsV2'])]);
    const refusal = { exitCode: 12, code: 'access-denied', hint: /s3:ListBucket/ };
    expectRefusal(await launch(), refusal);
    // Reading is allowed, writing is not: found out in the middle of the launch.
    await breakS3(world, [denied(['PutObject'], 'runs/*')]);
    expectRefusal(await launch('--name', 'half-made'), refusal);
    expect(await world.bucket.keys('names/')).toEqual([]);
  });

  test('expired credentials, as S3 and as EC2 call them', async () => {
    const hint = /log in/;
    await breakS3(world, [
      {
        match: {},
        effect: { kind: 'status', status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' },
      },
    ]);
    expectRefusal(await launch(), { exitCode: 12, code: 'credentials-expired', hint });
    await breakS3(world);
    await world.sandbox.send('fail-next', {
      action: 'DescribeInstanceTypeOfferings',
      code: 'RequestExpired',
    });
    expectRefusal(await launch(), { exitCode: 12, code: 'credentials-expired', hint: /clock/ });
  });

  test('no default VPC', async () => {
    await world.sandbox.send('default-vpc', { present: false });
    try {
      expectRefusal(await launch(), { exitCode: 3, code: 'config-invalid', message: /default VPC/, hint: /--subnet/ });
    } finally {
      await world.sandbox.send('default-vpc', { present: true });
    }
  });

  test.each<[string, string, string, Refusal]>([
    [
      'user data',
      'CreateLaunchTemplate',
      'InvalidUserData.Malformed',
      { exitCode: 2, code: 'user-data-too-large', hint: /prefix/ },
    ],
    ['a quota', 'CreateFleet', 'MaxFleetCountExceeded', { exitCode: 13, code: 'quota-exceeded', hint: /quota/ }],
    [
      'a missing right',
      'CreateFleet',
      'UnauthorizedOperation',
      { exitCode: 12, code: 'access-denied', hint: /permission/ },
    ],
  ])('what fails half-way because of %s is cleaned up, and said to be', async (_what, action, code, refusal) => {
    await world.sandbox.send('fail-next', { action, code });
    expectRefusal(await launch(), { ...refusal, message: /nothing of the launch is left/ });
  });

  test('what only the fleet finds out is cleaned up, and said to be', async () => {
    const message = "The image id '[ami-0123456789abcdef9]' does not exist";
    await world.sandbox.send('fail-next', {
      action: 'FleetLaunch',
      code: 'InvalidAMIID.NotFound',
      times: 1000,
      message,
    });
    const finished = await world.runctl(['launch', script, '--yes']);
    await world.sandbox.send('clear-failures', {});
    expectRefusal(finished, {
      exitCode: 3,
      code: 'config-invalid',
      message:
        /g\S+ in us-east-1.: The image id .* does not exist .* not tried again before .*nothing of the launch is left/,
      hint: /--ami/,
    });
  });

  test('a quota of 0, in which nothing that ends makes room, is no reason to wait', async () => {
    const message =
      'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to.';
    await world.sandbox.send('fail-next', { action: 'FleetLaunch', code: 'VcpuLimitExceeded', times: 1000, message });
    const finished = await world.runctl(['launch', script, '--yes', '--no-fallback', '--instance-type', 'g5.xlarge']);
    await world.sandbox.send('clear-failures', {});
    expectRefusal(finished, {
      exitCode: 13,
      code: 'quota-exceeded',
      message: /vCPU limit of 0 .*nothing of the launch is left/,
      hint: /--quota-code L-/,
    });
  });
});

describe('names', () => {
  eachClearsUp();

  test('of two runs that are given one name at once, one gets it; a slip in its id is told', async () => {
    const both = await Promise.all(
      [1, 2].map(() =>
        world.runctl(['launch', script, '--yes', '--detach', '--json', '--name', 'mine', '--', '1', '0.1']),
      ),
    );
    expect(new Set(both.map(({ exitCode }) => exitCode)), both.map(({ stderr }) => stderr).join()).toEqual(
      new Set([0, 11]),
    );
    const loser = both.find(({ exitCode }) => exitCode === 11);
    expect(JSON.parse(loser?.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      code: 'name-taken',
      hint: expect.stringContaining('--name') as string,
    });
    const winner = both.find(({ exitCode }) => exitCode === 0);
    const run = winner === undefined ? '' : String(jsonLines(winner).find((line) => 'run' in line)?.['run']);
    expectRefusal(await launch('--name', 'mine'), { exitCode: 11, code: 'name-taken', hint: /--name/ });

    const slip = `${run.slice(0, -1)}${run.endsWith('a') ? 'b' : 'a'}`;
    const missing = { exitCode: 10, code: 'run-not-found', hint: new RegExp(`did you mean ${run}\\?`) };
    const commands = [...['status', 'logs', 'stop', 'resume'].map((command) => [command, slip]), ['status', 'mime']];
    const [mime, ...slips] = (await Promise.all(commands.map((command) => world.runctl(command)))).toReversed();
    for (const refused of slips) expectRefusal(refused, missing);
    expectRefusal(mime ?? (await launch()), { ...missing, hint: /did you mean mine\?/ });

    const waited = await world.runctl(['wait', run]);
    expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
    await checkAfter(world, run);
  });
});

/** The local cloud for a process that may not read its state. */
function accountOf({ region }: World): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: region.endpoint,
    AWS_REGION: region.region,
    AWS_ACCESS_KEY_ID: region.accessKeyId,
    AWS_SECRET_ACCESS_KEY: region.secretAccessKey,
    RUNCTL_BUCKET: region.bucket,
    RUNCTL_INSTANCE_PROFILE: 'runctl-instance',
  };
}

function denied(operations: readonly string[], keyPattern?: string) {
  return {
    match: { operations, ...(keyPattern === undefined ? {} : { keyPattern }) },
    effect: { kind: 'status', status: 403, code: 'AccessDenied' },
  };
}
