import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newRunId } from '@runctl/core';
import {
  agentPaths,
  controlDocument,
  defaultRetention,
  encodeDocument,
  FORMAT_VERSION,
  runKeys,
  runSpec,
  scaledTiming,
} from '@runctl/protocol';
import { repository } from './runctl.ts';
import type { Workload } from './launching.ts';
import type { World } from './world.ts';

const TIME_SCALE = 0.1;

/** Writes what a laptop would have written for a run of `workload`, launched on machines that no provider started. */
export async function writeRun(world: World, workload: Workload, args: readonly string[]): Promise<string> {
  const run = newRunId();
  const archive = join(world.folder, `${run}.tar.gz`);
  const workloads = join(repository, 'e2e/support/workloads');
  await promisify(execFile)('tar', ['-czf', archive, '-C', workloads, `${workload}.py`]);
  const bytes = await readFile(archive);
  const archiveKey = `code/${run}/project.tar.gz`;
  await world.bucket.write(archiveKey, bytes);
  const spec = encodeDocument(runSpec, {
    version: FORMAT_VERSION,
    run,
    name: null,
    createdAt: new Date().toISOString(),
    launchedBy: 'test',
    nodes: 1,
    project: {
      name: 'project',
      treeHash: run,
      archiveKey,
      archiveSha256: createHash('sha256').update(bytes).digest('hex'),
      archiveSizeBytes: bytes.length,
    },
    workload: { kind: 'script', script: `${workload}.py`, args: [...args], env: {}, interpreter: ['python3'] },
    checkpoint: { dir: 'checkpoints', resume: 'auto', resumeArgument: null, keep: defaultRetention },
    policy: { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 0 },
    timing: scaledTiming(TIME_SCALE),
  });
  await world.bucket.write(runKeys(run).spec, spec);
  return run;
}

/** Leaves the wish that a launch stops, as `runctl stop` does. */
export async function wishStop(world: World, run: string, launch: number): Promise<void> {
  const nonce = `stop-${launch}`;
  const wish = encodeDocument(controlDocument, {
    version: FORMAT_VERSION,
    action: 'stop',
    args: { graceMs: null, budgetUsd: null },
    launch,
    at: new Date().toISOString(),
    by: 'test',
    nonce,
  });
  await world.bucket.write(runKeys(run).control(Date.now(), nonce), wish);
}

/** Stands where an agent would find EC2 and its instance's metadata, and counts who comes. */
class Trap implements AsyncDisposable {
  readonly visits: string[] = [];
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      this.visits.push(`${request.method} ${request.url}`);
      response.writeHead(500).end();
    });
  }

  static async open(): Promise<Trap> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Trap(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A machine without metadata, fleet or power: a folder of its own, an agent in it, and credentials for the bucket alone. */
export class PlainMachine implements AsyncDisposable {
  readonly #root: string;
  readonly #run: string;
  readonly #agent: ChildProcess;
  readonly #trap: Trap;
  /** The agent's exit code; null when a signal ended it. */
  readonly agentEnd: Promise<number | null>;

  private constructor(root: string, run: string, { agent, trap }: { agent: ChildProcess; trap: Trap }) {
    this.#root = root;
    this.#run = run;
    this.#agent = agent;
    this.#trap = trap;
    this.agentEnd = once(agent, 'exit').then(([code]) => code as number | null);
  }

  static async start(world: World, run: string, launch: number): Promise<PlainMachine> {
    const { accessKeyId, bucket, endpoint, region, secretAccessKey } = world.region;
    const root = join(world.folder, `plain-${run}-${launch}`);
    const config = { version: FORMAT_VERSION, run, launch, bucket, prefix: '', region, host: 'plain' };
    await mkdir(join(root, 'etc/runctl'), { recursive: true });
    await writeFile(join(root, 'etc/runctl/agent.json'), JSON.stringify(config));
    const trap = await Trap.open();
    const agent = spawn(process.execPath, [join(repository, 'agent/dist/agent.mjs'), 'run'], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        RUNCTL_INSTANCE_ROOT: root,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_ENDPOINT_URL_S3: endpoint,
        AWS_ENDPOINT_URL: trap.url,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: trap.url,
      },
    });
    return new PlainMachine(root, run, { agent, trap });
  }

  /** Calls to anything of EC2, in order. */
  get callsToEc2(): readonly string[] {
    return this.#trap.visits;
  }

  /** The agent's log on the machine. */
  agentLog(): Promise<string> {
    return readFile(agentPaths(this.#root, this.#run).agentLog, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.kill('SIGKILL');
    await this.agentEnd;
    await this.#killWorkload();
    await this.#trap[Symbol.asyncDispose]();
  }

  async #killWorkload(): Promise<void> {
    const text = await readFile(agentPaths(this.#root, this.#run).pid, 'utf8').catch(() => null);
    if (text === null) return;
    const { pid } = JSON.parse(text) as { readonly pid: number };
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
