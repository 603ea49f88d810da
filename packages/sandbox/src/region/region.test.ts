import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import { GetObjectCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCommandInvocationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import {
  sandboxRegionFile,
  type SandboxAnswer,
  type SandboxRegionFile,
  type SandboxRequest,
  type SandboxRequestName,
} from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { createLiteDriver } from '../machine/lite/lite-driver.ts';
import { processesWith, until } from '../machine/conformance.ts';
import { serveRegion } from './region.ts';

const fixture = fileURLToPath(new URL('fixtures/serves-a-region.ts', import.meta.url));

function clients(file: SandboxRegionFile) {
  const { accessKeyId, secretAccessKey, endpoint, region } = file;
  const configuration = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  return {
    ec2: new EC2Client(configuration),
    ssm: new SSMClient(configuration),
    sts: new STSClient(configuration),
    s3: new S3Client({ ...configuration, forcePathStyle: true }),
  };
}

async function control<Name extends SandboxRequestName>(
  file: SandboxRegionFile,
  name: Name,
  request: SandboxRequest<Name>,
): Promise<SandboxAnswer<Name>> {
  const response = await fetch(`${file.endpoint}/_sandbox/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${file.adminToken}` },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as SandboxAnswer<Name>;
}

async function launch(file: SandboxRegionFile, userData: string, run = 'r-test'): Promise<string> {
  const { ec2 } = clients(file);
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 'c7i.large',
      MinCount: 1,
      MaxCount: 1,
      UserData: Buffer.from(userData).toString('base64'),
      IamInstanceProfile: { Name: file.instanceProfile },
      InstanceMarketOptions: { MarketType: 'spot' },
      InstanceInitiatedShutdownBehavior: 'terminate',
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'runctl:run', Value: run }] }],
    }),
  );
  return Instances?.[0]?.InstanceId ?? '';
}

async function describeInstance(file: SandboxRegionFile, id: string): Promise<Instance> {
  const { Reservations } = await clients(file).ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0] ?? {};
}

const stateOf = async (file: SandboxRegionFile, id: string) => (await describeInstance(file, id)).State?.Name;

async function textOf(file: SandboxRegionFile, key: string): Promise<string | null> {
  try {
    const { Body } = await clients(file).s3.send(new GetObjectCommand({ Bucket: file.bucket, Key: key }));
    return (await Body?.transformToString()) ?? null;
  } catch {
    return null;
  }
}

const uploadUrl = (file: SandboxRegionFile, key: string) =>
  getSignedUrl(clients(file).s3, new PutObjectCommand({ Bucket: file.bucket, Key: key }), { expiresIn: 600 });

/** Shell that reads the machine's metadata, version 2. */
const metadata = `imds=\${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254/}latest
token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 600' $imds/api/token)
get() { curl -s -f -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"; }`;

describe.each(['lite', 'process'] as const)('a region at level %s', (level) => {
  const behaviour = (name: string, body: (file: SandboxRegionFile) => Promise<void>) =>
    test.concurrent(name, async (context) => {
      const probed = level === 'lite' ? await createLiteDriver({ endpointPort: 4566 }).probe() : { ok: true as const };
      if (!probed.ok) context.skip(`lite cannot run here: ${probed.reason}`);
      await using folder = await temporaryFolder('runctl-region');
      const stateFolder = join(folder.path, 'state');
      // A busy computer needs longer than 0.01 of EC2's two seconds to run a handler of TERM.
      const delays = { shutdownGraceMs: 15_000 };
      // A busy computer needs longer than 0.01 of the notice's two minutes to see it.
      const region = await serveRegion({ stateFolder, level, timeScale: 0.03, delays });
      try {
        await body(region.file);
      } finally {
        await region.close();
      }
      expect(existsSync(join(folder.path, 'state/instances'))).toBe(false);
    });

  behaviour('runs user data that reads its metadata and writes to S3', async (file) => {
    const script = `#!/bin/sh
${metadata}
role=$(get iam/security-credentials/)
key=$(get "iam/security-credentials/$role" | grep -o 'ASIA[A-Z0-9]*')
curl -s -f -X PUT --data-binary "$(get instance-id) $key $AWS_REGION" '${await uploadUrl(file, 'said')}'
`;
    const id = await launch(file, script);
    await until('it was written', async () => (await textOf(file, 'said')) !== null);
    expect(await textOf(file, 'said')).toMatch(new RegExp(`^${id} ASIA[A-Z0-9]{16} us-east-1$`));
    expect(await stateOf(file, id)).toBe('running');
    const { instances } = await control(file, 'status', {});
    expect(instances).toMatchObject([{ instanceId: id, state: 'running', tags: { 'runctl:run': 'r-test' } }]);
  });

  behaviour('runs commands sent by SSM', async (file) => {
    const id = await launch(file, '#!/bin/sh\n');
    await until('it runs', async () => (await stateOf(file, id)) === 'running');
    const { ssm } = clients(file);
    const parameters = { commands: ['echo hello from $AWS_REGION', 'exit 3'] };
    const sent = await ssm.send(
      new SendCommandCommand({ DocumentName: 'AWS-RunShellScript', InstanceIds: [id], Parameters: parameters }),
    );
    const ask = new GetCommandInvocationCommand({ CommandId: sent.Command?.CommandId, InstanceId: id });
    const invocation = async () => ssm.send(ask).catch(() => null);
    await until('it ended', async () => (await invocation())?.Status === 'Failed');
    expect(await invocation()).toMatchObject({ ResponseCode: 3, StandardOutputContent: 'hello from us-east-1\n' });
  });

  behaviour('interrupts a run as EC2 does: a notice, the power button, the end', async (file) => {
    const script = `#!/bin/sh
${metadata}
trap 'curl -s -X PUT --data-binary "TERM after $action" "${await uploadUrl(file, 'end')}"; exit 0' TERM
echo ready
until action=$(get spot/instance-action); do sleep 0.1; done
while :; do sleep 0.05; done
`;
    const id = await launch(file, script);
    await until('it runs', async () => (await stateOf(file, id)) === 'running');
    const ready = async () => (await control(file, 'console', { instanceId: id })).text.includes('ready');
    await until('it looks for a notice', ready);
    expect(await control(file, 'interrupt', { target: { run: 'r-test' } })).toEqual({ instanceIds: [id] });
    await until('it ended', async () => (await stateOf(file, id)) === 'terminated');
    expect(await textOf(file, 'end')).toMatch(/^TERM after \{"action": ?"terminate"/);
    expect((await describeInstance(file, id)).StateReason?.Code).toBe('Server.SpotInstanceTermination');
    const { events } = await control(file, 'status', {});
    expect(events.map(({ kind }) => kind)).toEqual(['launched', 'running', 'notice', 'power-button', 'ended']);
  });

  behaviour('an instance that shuts itself down is terminated, its disk goes and its console stays', async (file) => {
    const id = await launch(
      file,
      '#!/bin/sh\necho going down\ncase $(command -v shutdown) in /sbin/* | /usr/sbin/*) exit 1 ;; esac\nshutdown -h now\n',
    );
    await until('it ended', async () => (await stateOf(file, id)) === 'terminated');
    expect((await describeInstance(file, id)).StateReason?.Code).toBe('Client.InstanceInitiatedShutdown');
    expect((await control(file, 'console', { instanceId: id })).text).toContain('going down');
    const [instance] = (await control(file, 'status', {})).instances;
    const leftovers = ['disk', 'root'].map((name) => join(instance!.folder, name));
    await until('the disk is gone', () => !leftovers.some((path) => existsSync(path)));
  });

  behaviour('cuts one instance off, and kills a host with its disk', async (file) => {
    const says = async (text: string) => (await control(file, 'console', { instanceId: id })).text.includes(text);
    const reach = 'curl -s -m 3 -o /dev/null $AWS_ENDPOINT_URL/';
    const script = `#!/bin/sh\n${reach} && echo reached\nwhile ${reach}; do sleep 0.1; done\necho cut off\n`;
    const id = await launch(file, script);
    await until('reached', () => says('reached'));
    expect(await control(file, 'partition', { target: { all: true }, partitioned: true })).toEqual({
      instanceIds: [id],
    });
    await until('cut off', () => says('cut off'));
    const folder = (await control(file, 'status', {})).instances[0]!.folder;
    expect(await control(file, 'lose-disk', { target: { instanceId: id } })).toEqual({ instanceIds: [id] });
    expect(existsSync(folder)).toBe(false);
    expect(await stateOf(file, id)).toBe('terminated');
  });
});

describe('a region', () => {
  const at = async (body: (file: SandboxRegionFile, stateFolder: string) => Promise<void>) => {
    await using folder = await temporaryFolder('runctl-region');
    const region = await serveRegion({ stateFolder: folder.path, level: 'process', timeScale: 0.01 });
    try {
      await body(region.file, folder.path);
    } finally {
      await region.close();
    }
  };

  test('starts with an account that is ready: keys, bucket, instance profile', () =>
    at(async (file, stateFolder) => {
      const path = join(stateFolder, 'region.json');
      expect(sandboxRegionFile.parse(JSON.parse(readFileSync(path, 'utf8')))).toEqual(file);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const { sts, s3 } = clients(file);
      expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: '123456789012' });
      await s3.send(new HeadBucketCommand({ Bucket: file.bucket }));
      expect(new URL(file.endpoint).hostname).toBe('127.0.0.1');
    }));

  test('refuses what is not signed, or not signed rightly, in the words of each service', () =>
    at(async (file) => {
      expect((await fetch(`${file.endpoint}/${file.bucket}`)).status).toBe(403);
      const { ec2, sts, ssm, s3 } = clients({ ...file, secretAccessKey: 'wrong' });
      await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({ name: 'AuthFailure' });
      await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
      const command = new SendCommandCommand({ DocumentName: 'AWS-RunShellScript' });
      await expect(ssm.send(command)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
      const get = new GetObjectCommand({ Bucket: file.bucket, Key: 'x' });
      await expect(s3.send(get)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    }));

  test('lets nobody steer it without its token, and no instance at all', () =>
    at(async (file) => {
      expect((await fetch(`${file.endpoint}/_sandbox/status`, { method: 'POST', body: '{}' })).status).toBe(403);
      await expect(control(file, 'interrupt', { target: { instanceId: 'i-none' } })).rejects.toThrow(
        'instance-not-found',
      );
      await expect(control(file, 's3-faults', { rules: [{ nonsense: true }] })).rejects.toThrow('usage');
      await expect(control(file, 'delays', { changes: { nonsense: 1 } })).rejects.toThrow('bootDelayMs');
    }));

  test('fails on purpose: no capacity, planned failures, S3 faults', () =>
    at(async (file) => {
      await control(file, 'capacity', { type: 'c7i.large', capacity: 0 });
      await expect(launch(file, '#!/bin/sh\n')).rejects.toMatchObject({ name: 'InsufficientInstanceCapacity' });
      await control(file, 'clear-capacity', {});
      await control(file, 'fail-next', { action: 'DescribeInstances', code: 'InternalError' });
      await expect(clients(file).ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
        name: 'InternalError',
      });
      const rule = { name: 'slow down', effect: { kind: 'status', status: 503, code: 'SlowDown' }, times: 1 };
      await control(file, 's3-faults', { rules: [rule] });
      expect(await textOf(file, 'any')).toBe(null);
      const { counts } = await control(file, 's3-faults-seen', {});
      expect(counts).toEqual([{ name: 'slow down', effect: 'status', matched: 1, applied: 1 }]);
    }));

  test('is the only one of its state folder', () =>
    at(async (_, stateFolder) => {
      await expect(serveRegion({ stateFolder, level: 'process' })).rejects.toMatchObject({ code: 'sandbox-running' });
      expect(existsSync(join(stateFolder, 'region.json'))).toBe(true);
    }));

  test('refuses a level that cannot run, with the reason', async () => {
    await using folder = await temporaryFolder('runctl-region');
    const level = 'vm' as 'lite';
    await expect(serveRegion({ stateFolder: folder.path, level })).rejects.toMatchObject({ code: 'usage' });
    const region = await serveRegion({ stateFolder: folder.path, level: 'process' });
    await region.close();
  });

  const spawned: ChildProcess[] = [];
  afterEach(() => {
    for (const child of spawned.splice(0)) child.kill('SIGKILL');
  });

  test('that is killed leaves no process, and its successor finds account and objects, not its instances', async () => {
    await using folder = await temporaryFolder('runctl-region');
    const first = await spawnRegion(folder.path);
    const token = `region-death-${process.pid}`;
    const id = await launch(first.file, `#!/bin/sh\nTOKEN=${token} setsid sleep 9400 &\nTOKEN=${token} sleep 9401\n`);
    await clients(first.file).s3.send(new PutObjectCommand({ Bucket: first.file.bucket, Key: 'kept', Body: 'kept' }));
    await until('it runs', () => processesWith(`TOKEN=${token}`).length >= 2);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    await until('nothing is left', () => processesWith(`TOKEN=${token}`).length === 0);
    const second = await spawnRegion(folder.path);
    expect(second.file.accessKeyId).toBe(first.file.accessKeyId);
    expect(second.file.endpoint).toBe(first.file.endpoint);
    expect(await textOf(second.file, 'kept')).toBe('kept');
    expect(existsSync(join(folder.path, 'instances', id))).toBe(false);
    second.child.kill('SIGTERM');
    const [code] = (await once(second.child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(existsSync(join(folder.path, 'region.json'))).toBe(false);
  });

  async function spawnRegion(stateFolder: string) {
    const child = spawn(process.execPath, [fixture, stateFolder, 'process', '0.01'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    spawned.push(child);
    await once(child.stdout, 'data');
    const text = readFileSync(join(stateFolder, 'region.json'), 'utf8');
    return { child, file: sandboxRegionFile.parse(JSON.parse(text)) };
  }

  test('ends when its state folder is removed, and leaves alone what is made in its place', async () => {
    await using folder = await temporaryFolder('runctl-region');
    const stateFolder = join(folder.path, 'state');
    const first = await spawnRegion(stateFolder);
    const token = `region-folder-${process.pid}`;
    await launch(first.file, `#!/bin/sh\nTOKEN=${token} sleep 9402\n`);
    await until('it runs', () => processesWith(`TOKEN=${token}`).length > 0);
    const ended = once(first.child, 'exit');
    await rm(stateFolder, { recursive: true, force: true });
    const second = await serveRegion({ stateFolder, level: 'process' });
    const [code] = (await ended) as [number];
    expect(code).toBe(0);
    expect(processesWith(`TOKEN=${token}`)).toEqual([]);
    expect(existsSync(join(stateFolder, 'region.json'))).toBe(true);
    expect(existsSync(join(stateFolder, 'instances'))).toBe(true);
    await second.close();
  });

  test('takes the place of a region whose process is dead', async () => {
    await using folder = await temporaryFolder('runctl-region');
    writeFileSync(join(folder.path, 'region.lock'), JSON.stringify({ pid: process.pid, start: 'another life' }));
    const region = await serveRegion({ stateFolder: folder.path, level: 'process' });
    await region.close();
    expect(existsSync(join(folder.path, 'region.lock'))).toBe(false);
  });
});
