import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectSandbox,
  createProcessFolder,
  ownSandboxName,
  type ProcessFolder,
  type Sandbox,
} from '@runctl/sandbox/client';
import { sandboxControlPath, type SandboxRequestName } from '@runctl/protocol';
import { Bucket } from './bucket.ts';
import { unmountLeft } from './left-mounts.ts';
import { numbersFrom } from './random.ts';
import { runctl, startRunctl, type Finished } from './runctl.ts';

/** What the tests read of the sandbox's state file. */
interface RegionFile {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  readonly level: string;
  readonly adminToken: string;
  readonly pid: number;
}

export type Level = 'process' | 'lite' | 'nspawn';

export interface WorldOptions {
  readonly level?: Level;
  readonly timeScale?: number;
  /** The bucket keeps every version of every object, so that the checker sees all that a pointer ever named. */
  readonly versioned?: boolean;
  /** Every AWS call and its answer is written into `recordFile`. */
  readonly recorded?: boolean;
}

/** Scenarios hold at any moment, so the soak breaks things up to this much later than the tests do. */
const SOAK_SHIFT_MS = 800;
const soakSeed = process.env['RUNCTL_SOAK_SEED'];
let worldsMade = 0;

/**
 * A laptop with its own home and a sandbox of its own, in one temporary folder that disappears with it. Where this process is
 * killed the sandbox ends by itself, and the folder is taken away by the next world.
 */
export class World implements AsyncDisposable {
  readonly #folder: ProcessFolder;
  readonly #draw = soakSeed === undefined ? null : numbersFrom(Number(soakSeed) * 1000 + worldsMade++);
  readonly env: Readonly<Record<string, string>>;
  readonly region: RegionFile;
  readonly ec2: EC2Client;
  readonly ssm: SSMClient;
  readonly bucket: Bucket;
  /** The region's own channel: what makes it misbehave. */
  readonly sandbox: Sandbox;

  private constructor(folder: ProcessFolder, env: Record<string, string>, region: RegionFile, sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.#folder = folder;
    this.env = env;
    this.region = region;
    const client = {
      endpoint: region.endpoint,
      region: region.region,
      credentials: { accessKeyId: region.accessKeyId, secretAccessKey: region.secretAccessKey },
    };
    this.ec2 = new EC2Client(client);
    this.ssm = new SSMClient(client);
    this.bucket = new Bucket(new S3Client({ ...client, forcePathStyle: true }), region.bucket);
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const folder = await createProcessFolder(tmpdir(), 'runctl-e2e-');
    await unmountLeft(tmpdir(), 'runctl-e2e-');
    const state = join(folder.path, ownSandboxName);
    const env = {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: join(folder.path, 'home'),
      // The gzip'd Node runtime is the same for every world, so it is made once per machine.
      XDG_CACHE_HOME: join(tmpdir(), 'runctl-e2e-cache'),
      RUNCTL_SANDBOX_STATE: state,
      NO_COLOR: '1',
    };
    const args = [
      'sandbox',
      'start',
      '--level',
      options.level ?? 'process',
      '--time-scale',
      String(options.timeScale ?? 0.1),
      '--parent',
      String(process.pid),
      ...recording(options.recorded === true ? recordIn(folder.path) : process.env['RUNCTL_E2E_RECORD']),
    ];
    const started = await runctl(args, { env });
    if (started.exitCode !== 0)
      throw new Error(`sandbox start failed (${started.exitCode}):\n${started.stderr}${started.stdout}`);
    const region = JSON.parse(await readFile(join(state, 'region.json'), 'utf8')) as RegionFile;
    const world = new World(folder, env, region, await connectSandbox(state));
    if (options.versioned === true) await world.bucket.keepVersions();
    return world;
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** Where a recorded world has its calls. */
  get recordFile(): string {
    return recordIn(this.#folder.path);
  }

  /** Waits as long as the soak's seed wants before something is broken; without one, as the tests run, not at all. */
  async moment(): Promise<void> {
    if (this.#draw !== null) await new Promise((resolve) => setTimeout(resolve, (this.#draw?.() ?? 0) * SOAK_SHIFT_MS));
  }

  /** A runctl command on this laptop, against the sandbox. */
  runctl(
    args: readonly string[],
    options: { timeoutMs?: number; env?: Record<string, string>; cwd?: string } = {},
  ): Promise<Finished> {
    return runctl(withSandbox(args), { ...options, env: { ...this.env, ...options.env } });
  }

  /** The same, left running. */
  start(args: readonly string[]): ReturnType<typeof startRunctl> {
    return startRunctl(withSandbox(args), { env: this.env });
  }

  /** The bucket of the region that runs in this world's folder now, which may be another than the one it began with. */
  async bucketNow(): Promise<Bucket> {
    const file = join(this.env['RUNCTL_SANDBOX_STATE'] ?? '', 'region.json');
    const region = JSON.parse(await readFile(file, 'utf8')) as RegionFile;
    const credentials = { accessKeyId: region.accessKeyId, secretAccessKey: region.secretAccessKey };
    const client = { endpoint: region.endpoint, region: region.region, credentials, forcePathStyle: true };
    return new Bucket(new S3Client(client), region.bucket);
  }

  /** One request of the sandbox's control channel: what no AWS call can do, such as cutting a network. */
  async control(name: SandboxRequestName, body: unknown): Promise<void> {
    const answer = await fetch(`${this.region.endpoint}${sandboxControlPath}${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.region.adminToken}` },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
  }

  /** A second laptop: another home, the same cloud. */
  otherLaptop(): Record<string, string> {
    return { HOME: join(this.folder, `home-${randomBytes(3).toString('hex')}`) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runctl(['sandbox', 'stop'], { env: this.env });
    this.ec2.destroy();
    this.ssm.destroy();
    this.bucket.close();
    // Something that was given up may still write a last file into it.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    this.#folder.remove();
  }
}

function recording(file: string | undefined): string[] {
  return file === undefined ? [] : ['--record', file];
}

function recordIn(folder: string): string {
  return join(folder, 'calls.ndjson');
}

/** `--sandbox` goes before `--`: what stands after it belongs to the script. */
function withSandbox(args: readonly string[]): string[] {
  const separator = args.indexOf('--');
  return separator < 0 ? [...args, '--sandbox'] : [...args.slice(0, separator), '--sandbox', ...args.slice(separator)];
}
