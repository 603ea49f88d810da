import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { fileLeaseMemory, LeaseKeeper } from '@runctl/checkpoint';
import type { FleetEnder } from '@runctl/cloud';
import { newRunId, silentLog, systemClock, type Log } from '@runctl/core';
import {
  agentPaths,
  attemptDrained,
  attemptOutcome,
  attemptStarted,
  attemptStatus,
  type ControlDocument,
  controlDocument,
  decodeDocument,
  encodeDocument,
  FORMAT_VERSION,
  type LaunchOutcome,
  type LaunchIntent,
  launchIntent,
  launchOutcome,
  latestPointer,
  leaseDocument,
  parseLogKey,
  runKeys,
  type RunSpec,
  runSpec,
  scaledTiming,
} from '@runctl/protocol';
import { collect, isStoreError, MemoryStore, type ObjectStore } from '@runctl/store';
import { temporaryFolder } from '@runctl/testkit';
import type { z } from 'zod';
import { runCheckpoints } from '../checkpoints/run-checkpoints.ts';
import { createImds } from '../interruption/imds-client.ts';
import type { JournalState } from '../journal/journal.ts';
import { runAgent } from '../life/life.ts';
import { unpackWithTar } from '../preparation/code.ts';
import { linuxProcessTable, psProcessTable } from '../supervisor/process-table.ts';
import { UnixSupervisor } from '../supervisor/unix-supervisor.ts';
import { ImdsServer } from './imds-server.ts';

const processTable = existsSync('/proc/self/stat') ? linuxProcessTable : psProcessTable;
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
  readonly fleet = { deletions: 0, mayDelete: true, failures: 0 };
  readonly #machines: TestMachine[] = [];

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
    await world.memory.put(world.keys.spec, encodeDocument(runSpec, world.#spec(options, sha256, bytes.length)));
    const intent: LaunchIntent = {
      version: FORMAT_VERSION,
      run: world.run,
      launch: 1,
      at: new Date().toISOString(),
      clientToken: 'token',
      templateName: 'template',
      market: 'spot',
      pools: [{ instanceType: 'g5.xlarge', zone: 'us-east-1a', subnetId: null, market: 'spot', pricePerHourUsd: 3.6 }],
      validUntil: new Date(options.validUntilMs ?? Date.now() + 86_400_000).toISOString(),
      by: 'test',
      nonce: 'nonce',
    };
    await world.memory.put(world.keys.launch(1).intent, encodeDocument(launchIntent, intent));
    return world;
  }

  async machine(instanceId: string): Promise<TestMachine> {
    const machine = await TestMachine.boot(this, instanceId);
    this.#machines.push(machine);
    return machine;
  }

  async control(
    action: 'stop' | 'checkpoint' | 'budget',
    args: { graceMs?: number; budgetUsd?: number } = {},
    launch = 1,
  ): Promise<void> {
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
  }

  started = (generation: number) => this.#read(attemptStarted, this.keys.attempt(generation, 0).started);
  status = (generation: number) => this.#read(attemptStatus, this.keys.attempt(generation, 0).status);
  drained = (generation: number) => this.#read(attemptDrained, this.keys.attempt(generation, 0).drained);
  attemptOutcome = (generation: number) => this.#read(attemptOutcome, this.keys.attempt(generation, 0).outcome);
  outcome = (): Promise<LaunchOutcome | null> => this.#read(launchOutcome, this.keys.launch(1).outcome);
  latest = () => this.#read(latestPointer, this.keys.latest);

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
        script: options.script,
        args: [...(options.args ?? [])],
        env: { FROM_SPEC: 'yes' },
        interpreter: [...(options.interpreter ?? ['python3'])],
      },
      checkpoint: { dir: 'checkpoints', resume: 'auto', resumeArgument: null, ...options.checkpoint },
      policy: { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 3, ...options.policy },
      timing: {
        ...scaledTiming(0.05),
        settleMs: 100,
        imdsPollMs: 50,
        heartbeatMs: 200,
        controlPollMs: 100,
        logShipMs: 200,
        ...options.timing,
      },
      tools: { agentKey: 'agent', agentSha256: 'agent', nodeKey: 'node', nodeSha256: 'node' },
    };
  }
}

/** A machine with a disk of its own. An agent on it can be killed (as far as one process can) and started again. */
export class TestMachine implements AsyncDisposable {
  readonly imds: ImdsServer;
  readonly root: string;
  readonly power = { offs: 0, cancelled: 0 };
  readonly #world: RunWorld;
  readonly #folder: AsyncDisposable & { readonly path: string };
  #agent: { readonly abort: AbortController; readonly done: Promise<unknown> } | null = null;
  #shutdown: (() => void)[] = [];

  private constructor(world: RunWorld, imds: ImdsServer, folder: AsyncDisposable & { readonly path: string }) {
    this.#world = world;
    this.imds = imds;
    this.#folder = folder;
    this.root = folder.path;
  }

  static async boot(world: RunWorld, instanceId: string): Promise<TestMachine> {
    const folder = await temporaryFolder('runctl-machine');
    return new TestMachine(world, await ImdsServer.start({ instanceId }), folder);
  }

  get paths() {
    return agentPaths(this.root, this.#world.run);
  }

  /** Runs an agent to its end; resolves with how that was. */
  start(log: Log = silentLog): Promise<'off' | 'leaving'> {
    const abort = new AbortController();
    this.#shutdown = [];
    const done = this.#run(abort.signal, log);
    this.#agent = { abort, done: done.catch(() => {}) };
    return done;
  }

  /** The agent is gone without having done anything more; the workload is not touched. */
  async killAgent(): Promise<void> {
    this.#agent?.abort.abort(new Error('the test killed the agent'));
    await this.#agent?.done;
    this.#agent = null;
  }

  pressPowerButton(): void {
    for (const listener of this.#shutdown) listener();
  }

  supervisor(): UnixSupervisor {
    return new UnixSupervisor({
      paths: this.paths,
      clock: systemClock,
      log: silentLog,
      processes: processTable,
      asUser: [],
      inScope: [],
      leftoverMs: 200,
      pollMs: 50,
    });
  }

  async journal(): Promise<JournalState> {
    return JSON.parse(await readFile(this.paths.journal, 'utf8')) as JournalState;
  }

  /** Asked of the machine, not of the agent. */
  async workloadLives(): Promise<boolean> {
    if (!existsSync(this.paths.pid)) return false;
    const { pid, startTime } = JSON.parse(await readFile(this.paths.pid, 'utf8')) as { pid: number; startTime: string };
    return (await processTable.startTime(pid)) === startTime;
  }

  /** The whole machine dies: agent and workload at once. */
  async die(): Promise<void> {
    await this.killAgent();
    const supervisor = this.supervisor();
    if ((await supervisor.adopt({ stopping: true })) !== null) await supervisor.signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    await this.imds[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  async #run(signal: AbortSignal, log: Log): Promise<'off' | 'leaving'> {
    const { fleet, run, store } = this.#world;
    const account = { name: 'test', home: `${this.root}/home/ubuntu`, switchTo: null };
    await mkdir(account.home, { recursive: true });
    const imds = createImds({ endpoint: this.imds.endpoint, clock: systemClock });
    const fleetEnder: FleetEnder = {
      mayDelete: async () => fleet.mayDelete,
      delete: async () => {
        if (fleet.failures-- > 0) throw new Error('RequestLimitExceeded');
        fleet.deletions++;
      },
    };
    try {
      return await runAgent(
        {
          clock: systemClock,
          log,
          paths: this.paths,
          config: { version: FORMAT_VERSION, run, launch: 1, bucket: 'bucket', prefix: '', region: 'us-east-1' },
          store,
          imds,
          fleetEnder,
          power: {
            off: async () => void this.power.offs++,
            cancelPlanned: async () => void this.power.cancelled++,
            isGoingDown: async () => null,
          },
          account,
          supervisor: () => this.supervisor(),
          lease: ({ owner, launch, spec }) =>
            new LeaseKeeper({
              store,
              key: this.#world.keys.lease,
              clock: systemClock,
              log,
              policy: {
                ttlMs: spec.timing.leaseTtlMs,
                renewEveryMs: spec.timing.leaseRenewMs,
                publishWithinMs: spec.timing.publishWithinMs,
                retryMs: 200,
              },
              memory: fileLeaseMemory(this.paths.lease),
              claim: { owner, launch, nodes: 1 },
            }),
          checkpoints: runCheckpoints({ store, run, clock: systemClock, log, account, platform: process.platform }),
          unpackCode: unpackWithTar(account, process.env),
          inheritedEnvironment: process.env,
          agentVersion: 'test',
          pid: process.pid,
          onShutdown: (listener) => this.#shutdown.push(listener),
        },
        signal,
      );
    } finally {
      imds.close();
    }
  }
}

export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  withinMs = 15_000,
): Promise<void> {
  const untilMs = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await systemClock.sleep(20);
  }
}

/** What counter.py prints in the end after so many undisturbed steps. */
export function resultOf(steps: number): string {
  let digest = 1n;
  for (let step = 1n; step <= BigInt(steps); step++)
    digest = (digest * 6364136223846793005n + step) & ((1n << 64n) - 1n);
  return `result ${digest}`;
}
