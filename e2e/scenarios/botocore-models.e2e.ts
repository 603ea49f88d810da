import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkAgainstModels, missingModels, type ModelReport } from '@runctl/testkit/botocore';
import { expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { jsonLines, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

const MIB = 1024 * 1024;
const python = process.env['RUNCTL_BOTO3_PYTHON'];

test('all that a run sends and is answered, on the laptop and on its machines, is in botocore’s models', async (context) => {
  const missing = await missingModels(python);
  if (missing !== null || python === undefined) {
    context.skip(missing ?? '');
    return;
  }
  await using world = await World.start({ recorded: true });
  await account(world);
  await wholeLife(world);
  await transfers(world);

  const report = await checkAgainstModels(python, world.recordFile);
  expect(report.findings).toEqual([]);
  expect(unchecked(report)).toEqual([]);
});

/** What makes an account ready, and looks whether it is. The region is born with bucket and role, so these are others. */
async function account(world: World): Promise<void> {
  const own = ['--bucket', 'a-bucket-of-its-own', '--instance-profile', 'trainer'];
  await succeeds(world, ['init', '--cloud', '--yes', ...own]);
  await world.runctl(['doctor', ...own]);
  await succeeds(world, ['offers', '--instance-type', 'g5.xlarge']);
  await succeeds(world, ['init', '--destroy', '--yes', ...own]);
}

/** Launch, agent killed, notice, resumption, stop, resume to the end, and all that looks at a run. */
async function wholeLife(world: World): Promise<void> {
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=25,40'] });
  const { machineId } = await reachesStep(world, run, 1, 5);
  await onInstance(world, machineId, `kill -9 ${await agentProcess(world, run)}`);
  await reachesStep(world, run, 1, 12);
  await succeeds(world, ['sandbox', 'interrupt', run]);
  await reachesStep(world, run, 2, 20);
  for (const look of [
    ['status', run],
    ['status'],
    ['logs', run],
    ['events', run],
    ['s3', 'review'],
    ['sandbox', 'status'],
  ])
    await world.runctl(look);
  await succeeds(world, ['checkpoint', 'save', run]);
  await succeeds(world, ['stop', run]);
  const resumed = await world.runctl(['resume', run, '--yes', '--detach', '--json']);
  expect(jsonLines(resumed).length, resumed.stderr).toBeGreaterThan(0);
  await succeeds(world, ['wait', run]);
  await succeeds(world, ['checkpoint', 'list', run]);
  await succeeds(world, ['checkpoint', 'verify', run]);
  await succeeds(world, ['checkpoint', 'cleanup', run, '--keep-last-n', '1', '--yes']);
}

/** The data path: parts, copies inside S3, deletions. */
async function transfers(world: World): Promise<void> {
  const big = join(world.folder, 'big.bin');
  await writeFile(big, Buffer.alloc(20 * MIB + 5, 7));
  const place = `s3://${world.region.bucket}/models-test`;
  await succeeds(world, ['transfer', big, `${place}/big.bin`]);
  await succeeds(world, ['transfer', `${place}/big.bin`, `${place}/copy.bin`]);
  await succeeds(world, ['transfer', `${place}/copy.bin`, `${big}.back`]);
  await succeeds(world, ['s3', 'list', `${place}/`, '-r']);
  await succeeds(world, ['s3', 'cleanup', `${place}/`, '--keep-last-n', '0', '--yes']);
}

async function succeeds(world: World, args: readonly string[]): Promise<void> {
  const finished = await world.runctl(args);
  expect(finished, `${args.join(' ')}: ${finished.stderr}`).toMatchObject({ exitCode: 0 });
}

/** Calls without which the scenario would have shown little. */
function unchecked({ checked }: ModelReport): string[] {
  const wanted = [
    'iam:GetInstanceProfile',
    'pricing:GetProducts',
    'iam:CreateRole',
    'iam:PutRolePolicy',
    'iam:CreateInstanceProfile',
    'iam:AddRoleToInstanceProfile',
    'iam:RemoveRoleFromInstanceProfile',
    'iam:DeleteInstanceProfile',
    'iam:DeleteRolePolicy',
    'iam:DeleteRole',
    'service-quotas:ListServiceQuotas',
    's3:PutBucketLifecycleConfiguration',
    'ec2:CreateLaunchTemplate',
    'ec2:CreateFleet',
    'ec2:DescribeFleets',
    'ec2:DescribeFleetHistory',
    'ec2:DescribeInstances',
    'ec2:DescribeSpotPriceHistory',
    'ec2:DeleteFleets',
    'ssm:GetParameter',
    's3:PutObject',
    's3:GetObject',
    's3:HeadObject',
    's3:ListObjectsV2',
    's3:DeleteObject',
    's3:CreateMultipartUpload',
    's3:UploadPart',
    's3:CompleteMultipartUpload',
  ];
  return wanted.filter((call) => checked[call] === undefined);
}
