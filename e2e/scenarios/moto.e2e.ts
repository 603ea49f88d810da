import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  DescribeFleetsCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { Bucket } from '../support/bucket.ts';
import { eventually } from '../support/eventually.ts';
import { motoVersion, startMoto, type ForeignServer } from '../support/foreign-s3.ts';
import { jsonLines } from '../support/launching.ts';
import { motoTruths, motoUntruths, seenWith } from '../support/moto-known.ts';
import { repository, runctl, startRunctl } from '../support/runctl.ts';

const python = process.env['RUNCTL_BOTO3_PYTHON'];
const moto = await motoVersion(python);
const missing = 'no moto: set RUNCTL_BOTO3_PYTHON to the python of a virtual environment that has it (see .ci/run)';
const probes = fileURLToPath(new URL('../support/moto_probes.py', import.meta.url));
const AL2023 = 'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64';
const BUCKET = 'runctl-moto';

/** A laptop whose AWS is a moto server. */
async function laptopOn(server: ForeignServer) {
  const { endpoint, credentials } = server;
  const folder = await temporaryFolder();
  const client = { endpoint, region: 'us-east-1', credentials };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const script = join(folder.path, 'project', 'counter.py');
  await mkdir(join(folder.path, 'project'));
  await copyFile(join(repository, 'e2e/support/workloads/counter.py'), script);
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: folder.path,
    XDG_CACHE_HOME: join(tmpdir(), 'runctl-e2e-cache'),
    NO_COLOR: '1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    RUNCTL_BUCKET: BUCKET,
    RUNCTL_INSTANCE_PROFILE: 'runctl-instance',
  };
  const ec2 = new EC2Client(client);
  const bucket = new Bucket(s3, BUCKET);
  return {
    script,
    bucket,
    ec2,
    endpoint,
    runctl: (args: readonly string[]) => runctl(args, { env, cwd: join(folder.path, 'project') }),
    start: (args: readonly string[]) => startRunctl(args, { env }),
    [Symbol.asyncDispose]: async () => {
      bucket.close();
      ec2.destroy();
      await server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** moto names them after the service (AWSServiceRoleForspot), so they are made as ordinary roles with AWS's names. */
async function makeServiceRoles(endpoint: string): Promise<void> {
  const names = ['AWSServiceRoleForEC2Spot', 'AWSServiceRoleForEC2Fleet'];
  const program =
    'import boto3, sys\n' +
    "iam = boto3.client('iam', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b')\n" +
    "for name in sys.argv[2:]: iam.create_role(RoleName=name, AssumeRolePolicyDocument='{}')\n";
  await execa(String(python), ['-B', '-c', program, endpoint, ...names]);
}

/** moto's default VPC has no way out, as an account's has, and a launch refuses a subnet without one. */
async function openDefaultVpc(ec2: EC2Client): Promise<void> {
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({}));
  const GatewayId = InternetGateway?.InternetGatewayId;
  const [table] = RouteTables;
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId: table?.VpcId }));
  const route = { RouteTableId: table?.RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId };
  await ec2.send(new CreateRouteCommand(route));
}

async function instancesOf(ec2: EC2Client, run: string): Promise<Instance[]> {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'tag:runctl:run', Values: [run] }] }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

test('a launch is planned, made, shown and ended against an EC2 that somebody else wrote', async (context) => {
  if (moto === null) {
    context.skip(missing);
    return;
  }
  await using laptop = await laptopOn(await startMoto(String(python)));
  // Without the profile and EC2's own roles a launch stops before it makes anything.
  const refused = await laptop.runctl(['launch', laptop.script, '--ami', AL2023, '--dry-run']);
  expect(refused, refused.stderr).toMatchObject({ exitCode: 3 });
  expect(refused.stderr).toContain('this account has no instance profile runctl-instance');
  await makeServiceRoles(laptop.endpoint);
  const init = await laptop.runctl(['init', '--cloud', '--yes']);
  expect(init, init.stderr).toMatchObject({ exitCode: 0 });
  const again = await laptop.runctl(['init', '--cloud', '--yes', '--json']);
  expect(jsonLines(again).map(({ type }) => type)).toEqual(['account-plan', 'configured']);
  const launch = ['launch', laptop.script, '--ami', AL2023, '--instance-type', 'g5.xlarge,g6.xlarge'];

  expect(await laptop.runctl([...launch, '--dry-run'])).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('has no route out') as string,
  });
  await openDefaultVpc(laptop.ec2);
  const plan = await laptop.runctl([...launch, '--dry-run', '--json']);
  expect(plan, plan.stderr).toMatchObject({ exitCode: 0 });
  expect(jsonLines(plan)).toContainEqual(expect.objectContaining({ type: 'plan' }));
  expect(await laptop.bucket.keys('')).toEqual([]);

  // No machine of moto's ever runs anything, so whoever waits for its agent is let go.
  const launching = laptop.start([...launch, '--detach', '--yes', '--json']);
  const run = await eventually('the launch has its machines', async () => {
    const [key] = await laptop.bucket.keys('index/');
    const id = key?.split('-').slice(1).join('-') ?? null;
    return id !== null && (await laptop.bucket.machines(id)) !== null && id;
  });
  launching.kill('SIGKILL');
  await launching;

  const [instance, ...more] = await instancesOf(laptop.ec2, run);
  expect(more).toEqual([]);
  expect(instance).toMatchObject({
    InstanceLifecycle: 'spot',
    InstanceType: expect.stringMatching(/^g[56]\.xlarge$/) as string,
  });
  expect(instance?.Tags).toContainEqual({ Key: 'runctl:managed', Value: 'true' });
  const status = await laptop.runctl(['status', run, '--json']);
  expect(status, status.stderr).toMatchObject({ exitCode: 0 });
  expect(status.stdout).toContain(run);

  const stopped = await laptop.runctl(['stop', run]);
  expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
  const { Fleets = [] } = await laptop.ec2.send(new DescribeFleetsCommand({}));
  expect(Fleets.map(({ FleetState }) => FleetState)).toEqual(['deleted_terminating']);
  expect((await instancesOf(laptop.ec2, run)).map(({ State }) => State?.Name)).toEqual(['terminated']);
});

test('moto answers as it is known to, right and wrong', async (context) => {
  if (moto === null) {
    context.skip(missing);
    return;
  }
  const server = await startMoto(String(python));
  try {
    const { stdout } = await execa(String(python), ['-B', probes, server.endpoint]);
    const known = [...motoUntruths, ...motoTruths].map(({ what, moto: answer }) => [what, answer]);
    expect(JSON.parse(stdout), `${moto}; the list was made with ${seenWith}`).toEqual(Object.fromEntries(known));
  } finally {
    await server.close();
  }
});

test('docs/moto.md has every known answer, and no other', async () => {
  const page = await readFile(join(repository, 'docs/moto.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.+?) +\|(?: (.+?) +\|)?(?: (.+?) +\|)$/gm)]
    .map((match) =>
      match
        .slice(1)
        .filter((cell) => cell !== undefined)
        .map((cell) => cell.trim()),
    )
    .filter(([first = '']) => !/^(-+|what)$/.test(first));
  const untruths = motoUntruths.map(({ what, moto: answer, aws = '' }) => [what, answer, aws]);
  const truths = motoTruths.map(({ what, moto: answer }) => [what.replace(/^serves: /, ''), answer]);
  expect(rows).toEqual([...untruths, ...truths]);
  expect(page).toContain(seenWith);
});
