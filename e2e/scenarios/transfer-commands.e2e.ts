import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { breakS3 } from '../support/breaking.ts';
import { eventually } from '../support/eventually.ts';
import { jsonLines } from '../support/launching.ts';
import { startRunctl } from '../support/runctl.ts';
import { World } from '../support/world.ts';

const MIB = 1024 * 1024;
const PART = 8 * MIB;
const python = process.env['RUNCTL_BOTO3_PYTHON'];

let world: World;
let folder: string;
let count = 0;

beforeAll(async () => {
  world = await World.start();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  folder = join(world.folder, `files-${++count}`);
  await mkdir(folder);
});

async function write(path: string, bytes: Buffer): Promise<string> {
  const place = join(folder, path);
  await mkdir(dirname(place), { recursive: true });
  await writeFile(place, bytes);
  return place;
}

const s3 = (...args: string[]) => world.runctl(['s3', ...args]);
const at = (key: string) => `s3://${world.region.bucket}/${key}`;

/** The sum at the end of what a command printed with `--json`. */
function sumOf(finished: { exitCode: number | undefined; stdout: string; stderr: string }): Record<string, unknown> {
  const last = jsonLines(finished).at(-1);
  if (last?.['type'] !== 'transferred') throw new Error(finished.stderr);
  return last;
}

/** `export NAME='value'` lines as an environment. */
async function clientEnvironment(): Promise<Record<string, string>> {
  const { stdout } = await world.runctl(['sandbox', 'env']);
  const pairs = [...stdout.matchAll(/^export (\w+)='?([^'\n]*)'?$/gm)];
  return Object.fromEntries(pairs.map((match) => [match[1] ?? '', match[2] ?? '']));
}

describe('a transfer that dies', () => {
  test('by kill -9 while sending is gone on with: only the parts that are missing go', async () => {
    const bytes = randomBytes(6 * PART + 5);
    const path = await write('large.bin', bytes);
    await breakS3(world, [
      { match: { operations: ['UploadPart'], keyPattern: 'kill/*' }, effect: { kind: 'delay', ms: 0 }, times: 3 },
      { match: { operations: ['UploadPart'], keyPattern: 'kill/*' }, effect: { kind: 'delay', ms: 60_000 } },
    ]);
    const dying = startRunctl(['s3', 'upload', path, at('kill/large.bin'), '--json', '--sandbox'], { env: world.env });
    const parts = await eventually('some parts are in the bucket, others not', async () => {
      const { stdout } = await s3('review', at('kill/'), '--json');
      const { uploads } = JSON.parse(stdout) as { uploads: { bytes: number }[] };
      return (uploads[0]?.bytes ?? 0) >= PART && uploads;
    });
    dying.kill('SIGKILL');
    await dying;
    await breakS3(world);
    expect(parts).toHaveLength(1);
    const sum = sumOf(await s3('upload', path, at('kill/large.bin'), '--json'));
    expect(Number(sum['knownBytes'])).toBeGreaterThanOrEqual(PART);
    expect(Number(sum['movedBytes']) + Number(sum['knownBytes'])).toBe(bytes.length);
    expect(bytes.equals((await world.bucket.bytes('kill/large.bin')) ?? Buffer.alloc(0))).toBe(true);
    const again = sumOf(await s3('upload', path, at('kill/large.bin'), '--json'));
    expect(again).toMatchObject({ uploaded: 0, kept: 1, movedBytes: 0 });
  });

  test('by kill -9 while fetching is gone on with, and shows nothing before it is whole', async () => {
    const bytes = randomBytes(6 * PART + 5);
    const path = await write('large.bin', bytes);
    await s3('upload', path, at('fetch/large.bin'));
    await breakS3(world, [
      { match: { operations: ['GetObject'], keyPattern: 'fetch/*' }, effect: { kind: 'delay', ms: 0 }, times: 3 },
      { match: { operations: ['GetObject'], keyPattern: 'fetch/*' }, effect: { kind: 'delay', ms: 60_000 } },
    ]);
    const to = join(folder, 'to');
    const dying = startRunctl(['s3', 'download', at('fetch/'), to, '--sandbox'], { env: world.env });
    await eventually('some parts are here', async () => {
      const journal = await readFile(join(to, '.large.bin.runctl-journal'), 'utf8').catch(() => '');
      return journal.split('\n').length >= 4;
    });
    dying.kill('SIGKILL');
    await dying;
    await breakS3(world);
    expect(await readdir(to)).not.toContain('large.bin');
    const sum = sumOf(await s3('download', at('fetch/'), to, '--json'));
    expect(sum).toMatchObject({ downloaded: 1, unverified: 0 });
    expect(Number(sum['knownBytes'])).toBeGreaterThanOrEqual(PART);
    expect(Number(sum['movedBytes']) + Number(sum['knownBytes'])).toBe(bytes.length);
    expect(bytes.equals(await readFile(join(to, 'large.bin')))).toBe(true);
    expect(await readdir(to)).toEqual(['large.bin']);
  });
});

describe('what others wrote and read', () => {
  test('an object that the SDK wrote comes verified, in parts or not', async () => {
    const { region } = world;
    const credentials = { accessKeyId: region.accessKeyId, secretAccessKey: region.secretAccessKey };
    const sdk = new S3Client({ endpoint: region.endpoint, region: region.region, credentials, forcePathStyle: true });
    for (const [name, size] of [
      ['small', 1000],
      ['large', 2 * PART + 1],
    ] as const)
      await sdk.send(new PutObjectCommand({ Bucket: region.bucket, Key: `sdk/${name}`, Body: randomBytes(size) }));
    sdk.destroy();
    expect(sumOf(await s3('download', at('sdk/'), folder, '--json'))).toMatchObject({ downloaded: 2, unverified: 0 });
    expect(sumOf(await s3('sync', folder, at('sdk/'), '--json'))).toMatchObject({ uploaded: 0, kept: 2 });
  });

  test("today's AWS command line reads what a sync wrote, and we find nothing to do after its", async (context) => {
    if (python === undefined) {
      context.skip('no current AWS clients: set RUNCTL_BOTO3_PYTHON (see .ci/run)');
      return;
    }
    await write('a/ü +&.bin', randomBytes(1000));
    await write('b/large.bin', randomBytes(2 * PART + 7));
    expect((await s3('sync', folder, at('cli/'))).exitCode).toBe(0);
    const env = { PATH: '/usr/bin:/bin', HOME: world.folder, ...(await clientEnvironment()) };
    const aws = (...args: string[]) =>
      execa(join(dirname(python), 'aws'), ['s3', ...args], { env, extendEnv: false, reject: false });
    const back = join(folder, 'back');
    const fetched = await aws('cp', at('cli/'), back, '--recursive', '--only-show-errors');
    expect(fetched, fetched.stderr).toMatchObject({ exitCode: 0 });
    for (const path of ['a/ü +&.bin', 'b/large.bin'])
      expect((await readFile(join(back, path))).equals(await readFile(join(folder, path)))).toBe(true);
    await aws('cp', back, at('theirs/'), '--recursive', '--only-show-errors');
    expect(sumOf(await s3('sync', back, at('theirs/'), '--json'))).toMatchObject({ uploaded: 0, kept: 2 });
  });
});

describe('what is wrong is said', () => {
  test('a bucket that is not there, a network that refuses, a disk that is full', async (context) => {
    await write('x', randomBytes(10));
    const nowhere = await s3('upload', folder, 's3://no-such-bucket-here/x');
    expect(nowhere).toMatchObject({ exitCode: 10, stderr: expect.stringContaining('error[bucket-not-found]') });
    // Its own endpoint, where nobody listens.
    const refused = await startRunctl(['s3', 'list', at(''), '--json'], {
      env: {
        ...world.env,
        AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
        AWS_ACCESS_KEY_ID: 'a',
        AWS_SECRET_ACCESS_KEY: 'b',
        AWS_REGION: 'us-east-1',
      },
    });
    expect(refused.exitCode, refused.stderr).toBe(14);
    expect(JSON.parse(refused.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({ code: 'cloud-unreachable' });
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      context.skip('the full disk: only root on Linux can mount a small one');
      return;
    }
    const small = join(folder, 'small');
    await mkdir(small);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    try {
      await s3('upload', await write('big', randomBytes(6 * MIB)), at('full/big'));
      const full = await s3('download', at('full/'), small);
      expect(full).toMatchObject({ exitCode: 13, stderr: expect.stringContaining('error[disk-full]') });
      expect(await readdir(small)).toEqual([]);
    } finally {
      await execa('umount', [small]);
    }
  });

  test('every new command shows its options and examples', async () => {
    const commands = ['upload', 'download', 'sync', 'list', 'watch', 'review', 'cleanup'].map((name) => ['s3', name]);
    const checkpoint = ['pull', 'save', 'resume', 'cleanup'].map((name) => ['checkpoint', name]);
    const shown = await Promise.all(
      [...commands, ...checkpoint, ['transfer']].map((words) => world.runctl([...words, '--help'])),
    );
    for (const { exitCode, stdout } of shown) {
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/everywhere:\n[^]*examples:\n/);
    }
  });
});
