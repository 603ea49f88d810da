import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newRunId, required } from '@runctl/core';
import {
  agentPaths,
  controlDocument,
  defaultRetention,
  encodeDocument,
  FORMAT_VERSION,
  runKeys,
  runSpec,
  scaledTiming,
  sha256OfDocument,
} from '@runctl/protocol';
import { BareMachine } from './bare-machine.ts';
import { repository } from './runctl.ts';
import type { Workload } from './launching.ts';
import type { World } from './world.ts';

const TIME_SCALE = 0.1;
const AGENT_LIMIT_MS = 600_000;

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

/** A machine without metadata, fleet or power, and an agent on it with credentials for the bucket alone. */
export class PlainMachine implements AsyncDisposable {
  readonly #machine: BareMachine;
  readonly #run: string;
  /** The agent's exit code; null when a signal ended it. */
  readonly agentEnd: Promise<number | null>;

  private constructor(machine: BareMachine, run: string) {
    this.#machine = machine;
    this.#run = run;
    const agent = [process.execPath, join(repository, 'agent/dist/agent.mjs'), 'run'];
    this.agentEnd = machine.exec(agent, { timeoutMs: AGENT_LIMIT_MS }).then(({ exitCode }) => exitCode);
    this.agentEnd.catch(() => {
      // Whoever waits for it hears of it.
    });
  }

  static async start(world: World, run: string, launch: number): Promise<PlainMachine> {
    const machine = await BareMachine.start(world, { name: `plain-${run}-${launch}` });
    const { bucket, region } = world.region;
    const spec = required(await world.bucket.bytes(runKeys(run).spec), 'the spec');
    const written = { specSha256: sha256OfDocument(spec), intentSha256: null };
    const config = { version: FORMAT_VERSION, run, launch, bucket, prefix: '', region, host: 'plain', written };
    await machine.write('/etc/runctl/agent.json', JSON.stringify(config));
    return new PlainMachine(machine, run);
  }

  /** Calls to anything of AWS but S3, in order. */
  get callsToEc2(): readonly string[] {
    return [...this.#machine.services.filter((service) => service !== 's3'), ...this.#machine.metadataRequests];
  }

  /** The agent's log on the machine. */
  agentLog(): Promise<string> {
    return readFile(agentPaths(this.#machine.root, this.#run).agentLog, 'utf8');
  }

  /** Ends the agent and its workload with the machine. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine[Symbol.asyncDispose]();
  }
}
