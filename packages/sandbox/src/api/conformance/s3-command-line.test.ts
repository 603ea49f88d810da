import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { S3Server, user } from './s3-server.ts';

const run = promisify(execFile);
/** Python's start alone takes seconds on a busy machine. */
const CLIENT_TIMEOUT_MS = 120_000;
const AWS = '/usr/bin/aws';
const DEBIAN_PYTHON = '/usr/bin/python3';
/** An interpreter with a boto3 from PyPI; Debian's is from before conditional writes and AWS_ENDPOINT_URL. */
const CURRENT_PYTHON = process.env['RUNCTL_BOTO3_PYTHON'] ?? '';
const script = fileURLToPath(new URL('./fixtures/s3_with_boto3.py', import.meta.url));

let server: S3Server;
let folder: string;
beforeAll(async () => {
  server = await S3Server.start();
  folder = mkdtempSync(join(tmpdir(), 'runctl-s3-clients-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.close();
});

const environment = () => ({
  PATH: '/usr/bin:/bin',
  HOME: folder,
  LC_ALL: 'C.UTF-8',
  AWS_ACCESS_KEY_ID: user.accessKeyId,
  AWS_SECRET_ACCESS_KEY: user.secretAccessKey,
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
});

describe('the AWS CLI of Debian', { timeout: CLIENT_TIMEOUT_MS }, () => {
  const aws = async (...args: string[]) =>
    (await run(AWS, ['--endpoint-url', server.endpoint, ...args], { env: environment(), cwd: folder })).stdout;
  const needsAws = (context: TestContext) => {
    if (!existsSync(AWS)) context.skip(`no ${AWS}; install it with: apt-get install --no-install-recommends awscli`);
  };

  it('copies 20 MB up in parts and down again, lists and describes it', async (context) => {
    needsAws(context);
    const body = randomBytes(20 << 20);
    writeFileSync(join(folder, 'up'), body);
    await aws('s3', 'mb', 's3://cli-copy');
    await aws('s3', 'cp', 'up', 's3://cli-copy/dir/a b+ü', '--no-progress', '--metadata', 'step=7');
    expect(await aws('s3', 'ls', 's3://cli-copy/dir/')).toMatch(/ 20971520 a b\+ü\n$/);
    const head = JSON.parse(await aws('s3api', 'head-object', '--bucket', 'cli-copy', '--key', 'dir/a b+ü')) as object;
    expect(head).toMatchObject({
      ContentLength: 20 << 20,
      ETag: expect.stringMatching(/^"[0-9a-f]{32}-3"$/),
      Metadata: { step: '7' },
    });
    await aws('s3', 'cp', 's3://cli-copy/dir/a b+ü', 'down', '--no-progress');
    expect(readFileSync(join(folder, 'down')).equals(body)).toBe(true);
  });

  it('syncs a folder, sends nothing twice, and signs a link to one of its files', async (context) => {
    needsAws(context);
    mkdirSync(join(folder, 'tree', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'tree', 'deep', 'one'), 'one');
    writeFileSync(join(folder, 'tree', 'zwei é'), 'zwei');
    // S3 dates have whole seconds, and the command line sends again what is newer by less than one.
    const before = Date.now() / 1000 - 60;
    for (const name of ['deep/one', 'zwei é']) utimesSync(join(folder, 'tree', name), before, before);
    await server.client().send(new CreateBucketCommand({ Bucket: 'cli-sync' }));
    const first = await aws('s3', 'sync', 'tree', 's3://cli-sync/tree', '--no-progress');
    expect(first.trim().split('\n')).toHaveLength(2);
    expect(await aws('s3', 'sync', 'tree', 's3://cli-sync/tree', '--no-progress')).toBe('');
    const link = (await aws('s3', 'presign', 's3://cli-sync/tree/zwei é')).trim();
    expect(await (await fetch(link)).text()).toBe('zwei');
  });

  it('shows the code of a failure', async (context) => {
    needsAws(context);
    const attempt = aws('s3api', 'get-object', '--bucket', 'cli-nothing', '--key', 'nope', 'out');
    await expect(attempt).rejects.toThrow(/\(NoSuchBucket\)/);
  });
});

describe('boto3', { timeout: CLIENT_TIMEOUT_MS }, () => {
  const ask = async (python: string, args: string[], env: object = {}) => {
    const { stdout } = await run(python, [script, ...args], { env: { ...environment(), ...env }, cwd: folder });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const expected = {
    multipart: [true, '-3"', { step: '7' }, 12 << 20],
    etag: '"5d41402abc4b2a76b9719d911017c592"',
    range: 'ell',
    'not modified': ['304', 304],
    missing: [
      ['NoSuchKey', 404],
      ['404', 404],
    ],
    prefixes: ['list/0/', 'list/1/', 'list/2/', 'list/3/', 'list/4/'],
    'old listing': ['big/ü b+c'],
    copied: 12 << 20,
    deleted: ['copied', 'list/0/x'],
  };

  it('of Debian gets from us what it gets from S3', async (context) => {
    const hasBoto3 = await run(DEBIAN_PYTHON, ['-c', 'import boto3']).then(
      () => true,
      () => false,
    );
    if (!hasBoto3)
      context.skip('no python3-boto3; install it with: apt-get install --no-install-recommends python3-boto3');
    const seen = await ask(DEBIAN_PYTHON, [server.endpoint, 'boto3-debian']);
    expect(seen).toMatchObject(expected);
    expect(await (await fetch(seen['presigned'] as string)).text()).toBe('hello');
  });

  it('of today finds us by AWS_ENDPOINT_URL and writes conditionally', async (context) => {
    if (CURRENT_PYTHON === '')
      context.skip(
        'no current boto3: set RUNCTL_BOTO3_PYTHON to the python of a virtual environment with boto3 >= 1.36 in it',
      );
    const seen = await ask(CURRENT_PYTHON, ['-', 'boto3-current'], { AWS_ENDPOINT_URL: server.endpoint });
    expect(seen).toMatchObject({
      ...expected,
      conditional: [
        ['PreconditionFailed', 412],
        ['PreconditionFailed', 412],
        ['NoSuchKey', 404],
        'succeeded',
        ['PreconditionFailed', 412],
      ],
      checksum: 'a+NERQ==',
    });
  });
});
