import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { newRunId, systemClock } from '@runctl/core';
import {
  type AgentConfig,
  attemptDrained,
  attemptOutcome,
  attemptStarted,
  attemptStatus,
  type ControlDocument,
  controlDocument,
  decodeDocument,
  defaultRetention,
  encodeDocument,
  FORMAT_VERSION,
  type LaunchOutcome,
  type LaunchIntent,
  launchIntent,
  launchOutcome,
  keptOutput,
  latestPointer,
  leaseDocument,
  type LifeEvent,
  lifeEvent,
  parseLogKey,
  runKeys,
  type RunSpec,
  runSpec,
  scaledTiming,
  sha256OfDocument,
} from '@runctl/protocol';
import { collect, isStoreError, MemoryStore, type ObjectStore, readText } from '@runctl/store';
import { temporaryFolder } from '@runctl/testkit';
import type { z } from 'zod';
import { eventually } from './eventually.ts';
import { TestMachine } from './test-machine.ts';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

export interface RunOptions {
  readonly script: string;
  readonly args?: readonly string[];
  readonly interpreter?: readonly string[];
  readonly policy?: Partial<RunSpec['policy']>;
  readonly timing?: Partial<RunSpec['timing']>;
  readonly checkpoint?: Partial<RunSpec['checkpoint']>;
  readonly validUntilMs?: number;
  readonly store?: (memory: ObjectStore) => ObjectStore;
}

/** A launched run in a bucket of memory, and machines to live it on. */
export class RunWorld {
  readonly run = newRunId();
  readonly memory = new MemoryStore({ clock: systemClock });
  readonly store: ObjectStore;
  readonly keys = runKeys(this.run);
  readonly fleet = { deletions: 0, mayDelete: true, failures: 0, uselessMs: 60_000, refusedMs: 60_000 };
  readonly #machines: TestMachine[] = [];
  readonly #intents = new Map<number, string>();
  #specSha256 = '';

  private constructor(options: RunOptions) {
    this.store = options.store?.(this.memory) ?? this.memory;
  }

  static async launch(options: RunOptions): Promise<RunWorld> {
    const world = new RunWorld(options);
    await using folder = await temporaryFolder('runctl-project');
    const archive = `${folder.path}/project.tar.gz`;
    await promisify(execFile)('tar', ['-czf', archive, '-C', fixtures, '.']);
    const bytes = await readFile(archive);
    await world.memory.put('code/tree/project.tar.gz', bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const spec = encodeDocument(runSpec, world.#spec(options, sha256, bytes.length));
    world.#specSha256 = sha256OfDocument(spec);
    await world.memory.put(world.keys.spec, spec);
    await world.launchAgain(1, options.validUntilMs);
    return world;
  }

  /** A launch of the run as `resume` writes it down; on whose machines it lives is up to the test. */
  async launchAgain(launch: number, validUntilMs = Date.now() + 86_400_000): Promise<void> {
    const intent: LaunchIntent = {
      version: FORMAT_VERSION,
      run: this.run,
      launch,
      at: new Date().toISOString(),
      provider: 'aws',
      target: {},
      tools: { agentKey: 'a', agentSha256: 'a', nodeKey: 'n', nodeSha256: 'n' },
      arguments: null,
      token: 'token',
      market: 'spot',
      offers: [{ machineType: 'g5.xlarge', location: 'us-east-1a', market: 'spot', pricePerHourUsd: 3.6 }],
      validUntil: new Date(validUntilMs).toISOString(),
      by: 'test',
      nonce: 'nonce',
    };
    const bytes = encodeDocument(launchIntent, intent);
    this.#intents.set(launch, sha256OfDocument(bytes));
    await this.memory.put(this.keys.launch(launch).intent, bytes);
  }

  /** What user data says of the documents of a launch. */
  written(launch: number): AgentConfig['written'] {
    return { specSha256: this.#specSha256, intentSha256: this.#intents.get(launch) ?? null };
  }

  async machine(machineId: string): Promise<TestMachine> {
    const machine = await TestMachine.boot(this, machineId);
    this.#machines.push(machine);
    return machine;
  }

  /** Resolves with the nonce of the wish. */
  async control(
    action: 'stop' | 'checkpoint' | 'budget',
    args: { graceMs?: number; budgetUsd?: number } = {},
    launch = 1,
  ): Promise<string> {
    const document: ControlDocument = {
      version: FORMAT_VERSION,
      action,
      args: { graceMs: args.graceMs ?? null, budgetUsd: args.budgetUsd ?? null },
      launch,
      at: new Date().toISOString(),
      by: 'test',
      nonce: `${Date.now()}`,
    };
    await this.memory.put(this.keys.control(Date.now(), document.nonce), encodeDocument(controlDocument, document));
    return document.nonce;
  }

  started = (generation: number) => this.#read(attemptStarted, this.keys.attempt(generation, 0).started);
  status = (generation: number) => this.#read(attemptStatus, this.keys.attempt(generation, 0).status);
  drained = (generation: number) => this.#read(attemptDrained, this.keys.attempt(generation, 0).drained);
  attemptOutcome = (generation: number) => this.#read(attemptOutcome, this.keys.attempt(generation, 0).outcome);
  outcome = (launch = 1): Promise<LaunchOutcome | null> => this.#read(launchOutcome, this.keys.launch(launch).outcome);
  lease = () => this.#read(leaseDocument, this.keys.lease);
  latest = () => this.#read(latestPointer, this.keys.latest);

  /** What happened within a generation, in order. */
  async events(generation: number): Promise<LifeEvent[]> {
    const found: LifeEvent[] = [];
    for await (const { key } of this.memory.list({ prefix: this.keys.attempt(generation, 0).eventsFolder })) {
      const event = await this.#read(lifeEvent, key);
      if (event !== null) found.push(event);
    }
    return found;
  }

  /** What is kept of the output folder, as texts by path. */
  async output(): Promise<ReadonlyMap<string, string>> {
    const kept = await this.#read(keptOutput, this.keys.outputIndex);
    const texts = new Map<string, string>();
    for (const { key, path } of kept?.files ?? []) texts.set(path, await readText(this.memory, key));
    return texts;
  }

  /** The log of a generation as its chunks give it; fails on a gap or an overlap. */
  async log(generation: number): Promise<string> {
    let text = '';
    let end = 0;
    for await (const { key } of this.memory.list({ prefix: this.keys.logFolder(generation, 0) })) {
      const offset = parseLogKey(`/${key}`)?.offset;
      if (offset !== end) throw new Error(`the log has a chunk at ${offset}, expected ${end}`);
      const piece = gunzipSync(await collect((await this.memory.get(key)).body));
      text += piece.toString();
      end += piece.length;
    }
    return text;
  }

  /** Another holder, as a machine that was partitioned for longer than the lease would find it. */
  async takeLease(owner: string): Promise<void> {
    const { body } = await this.memory.get(this.keys.lease);
    const lease = decodeDocument(leaseDocument, await collect(body), this.keys.lease);
    const taken = { ...lease, owner, nonce: 'another', generation: lease.generation + 1, renewal: 0, released: false };
    await this.memory.put(this.keys.lease, encodeDocument(leaseDocument, { ...taken, ttlMs: 600_000 }));
  }

  /** As its holder, whoever that is, releases it. */
  async releaseLease(): Promise<void> {
    const lease = await this.lease();
    if (lease === null) throw new Error('there is no lease to release');
    await this.memory.put(this.keys.lease, encodeDocument(leaseDocument, { ...lease, released: true }));
  }

  /** As another machine ends it. */
  async endLaunch(): Promise<void> {
    const outcome: LaunchOutcome = {
      version: FORMAT_VERSION,
      run: this.run,
      launch: 1,
      status: 'stopped',
      cause: 'user-stop',
      message: 'ended elsewhere',
      exitCode: null,
      signal: null,
      step: null,
      durableStep: null,
      generation: 2,
      at: new Date().toISOString(),
      nonce: 'another',
    };
    await this.memory.put(this.keys.launch(1).outcome, encodeDocument(launchOutcome, outcome));
  }

  async reachesStep(generation: number, step: number): Promise<void> {
    await eventually(`step ${step}`, async () => ((await this.status(generation))?.step ?? 0) >= step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines) await machine[Symbol.asyncDispose]();
  }

  async #read<S extends z.ZodType>(schema: S, key: string): Promise<z.output<S> | null> {
    try {
      return decodeDocument(schema, await collect((await this.memory.get(key)).body), key);
    } catch (error) {
      if (isStoreError(error, 'missing')) return null;
      throw error;
    }
  }

  #spec(options: RunOptions, archiveSha256: string, archiveSizeBytes: number): RunSpec {
    return {
      version: FORMAT_VERSION,
      run: this.run,
      name: null,
      createdAt: new Date().toISOString(),
      launchedBy: 'test',
      nodes: 1,
      project: {
        name: 'project',
        treeHash: 'tree',
        archiveKey: 'code/tree/project.tar.gz',
        archiveSha256,
        archiveSizeBytes,
      },
      workload: {
        kind: 'script',
        script: options.script,
        args: [...(options.args ?? [])],
        env: { FROM_SPEC: 'yes' },
        interpreter: [...(options.interpreter ?? ['python3'])],
      },
      checkpoint: {
        dir: 'checkpoints',
        resume: 'auto',
        resumeArgument: null,
        keep: defaultRetention,
        ...options.checkpoint,
      },
      policy: { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 3, ...options.policy },
      timing: {
        ...scaledTiming(0.05),
        settleMs: 100,
        noticePollMs: 50,
        heartbeatMs: 200,
        controlPollMs: 100,
        logShipMs: 200,
        ...options.timing,
      },
    };
  }
}

/** What counter.py prints in the end after so many undisturbed steps. */
export function resultOf(steps: number): string {
  let digest = 1n;
  for (let step = 1n; step <= BigInt(steps); step++)
    digest = (digest * 6364136223846793005n + step) & ((1n << 64n) - 1n);
  return `result ${digest}`;
}
