import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createImds } from '@runctl/aws-wire';
import { openWritersFor } from '@runctl/checkpoint';
import { type Log, silentLog, systemClock } from '@runctl/core';
import { agentPaths, FORMAT_VERSION } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { watchFolder } from '../checkpoints/watch-folder.ts';
import { composeAgent } from '../compose/compose-agent.ts';
import { openEndpoint } from '../endpoint/endpoint.ts';
import { createEc2Host } from '../host/ec2/ec2-host.ts';
import type { JournalState } from '../journal/journal.ts';
import type { AgentEnd } from '../life/life.ts';
import { runAgent } from '../life/run-agent.ts';
import { unpackWithTar } from '../preparation/code.ts';
import { linuxProcessTable, psProcessTable } from '../workload/process/process-table.ts';
import { findInterpreter } from '../workload/interpreter/interpreter.ts';
import { UnixSupervisor } from '../workload/process/unix-supervisor.ts';
import { ImdsServer } from './imds-server.ts';
import type { RunWorld } from './run-world.ts';

const processTable = existsSync('/proc/self/stat') ? linuxProcessTable : psProcessTable;

/** What a machine sees of its run's world. */
export type MachineWorld = Pick<RunWorld, 'run' | 'store' | 'keys' | 'fleet' | 'written'>;

/** A machine with a disk of its own. An agent on it can be killed (as far as one process can) and started again. */
export class TestMachine implements AsyncDisposable {
  readonly imds: ImdsServer;
  readonly root: string;
  readonly power = { offs: 0, cancelled: 0 };
  /** Every change of priority, in order. */
  readonly priorities: ('background' | 'normal')[] = [];
  readonly #world: MachineWorld;
  readonly #folder: AsyncDisposable & { readonly path: string };
  #agent: { readonly abort: AbortController; readonly done: Promise<unknown> } | null = null;
  #shutdown: (() => void)[] = [];

  private constructor(world: MachineWorld, imds: ImdsServer, folder: AsyncDisposable & { readonly path: string }) {
    this.#world = world;
    this.imds = imds;
    this.#folder = folder;
    this.root = folder.path;
  }

  static async boot(world: MachineWorld, machineId: string): Promise<TestMachine> {
    const folder = await temporaryFolder('runctl-machine');
    return new TestMachine(world, await ImdsServer.start({ instanceId: machineId }), folder);
  }

  get paths() {
    return agentPaths(this.root, this.#world.run);
  }

  /** Runs an agent of this launch to its end; resolves with how that was. */
  start(log: Log = silentLog, launch = 1): Promise<AgentEnd> {
    const abort = new AbortController();
    this.#shutdown = [];
    const done = this.#run(abort.signal, { log, launch });
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
      unkillableMs: 5000,
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

  /** Lets counter.py go on from the step at which its first life waits. */
  async letWorkloadGo(): Promise<void> {
    await writeFile(`${this.root}/home/ubuntu/project/go`, '');
  }

  /** The whole machine dies: agent and workload at once. */
  async die(): Promise<void> {
    await this.killAgent();
    await this.#killWorkload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAgent();
    const supervisor = await this.#killWorkload();
    // The wrapper outlives the workload by a moment and writes down how it ended, into the folder that goes.
    await supervisor?.exited(AbortSignal.timeout(10_000));
    await this.imds[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  async #killWorkload(): Promise<UnixSupervisor | null> {
    const supervisor = this.supervisor();
    if ((await supervisor.adopt()) === null) return null;
    await supervisor.signal('SIGKILL');
    return supervisor;
  }

  async #run(signal: AbortSignal, { log, launch }: { readonly log: Log; readonly launch: number }): Promise<AgentEnd> {
    const { fleet, run, store } = this.#world;
    const account = { name: 'test', home: `${this.root}/home/ubuntu`, switchTo: null };
    await mkdir(account.home, { recursive: true });
    const imds = createImds({ endpoint: this.imds.endpoint, clock: systemClock });
    const host = createEc2Host({
      imds,
      fleetEnder: {
        mayDelete: async () => fleet.mayDelete,
        delete: async () => {
          if (fleet.failures-- > 0) throw new Error('RequestLimitExceeded');
          fleet.deletions++;
        },
      },
      power: {
        doing: 'powering the machine off',
        off: async () => {
          this.power.offs++;
          return 'off';
        },
        cancelPlanned: async () => void this.power.cancelled++,
        isGoingDown: async () => null,
      },
    });
    const ports = composeAgent({
      clock: systemClock,
      log,
      paths: this.paths,
      config: {
        version: FORMAT_VERSION,
        run,
        launch,
        bucket: 'bucket',
        prefix: '',
        region: 'us-east-1',
        host: 'ec2',
        standstillMs: null,
        written: this.#world.written(launch),
      },
      bucket: store,
      // What a test fails is to be seen by who calls.
      storeRetry: { attempts: 1, baseMs: 0, maxMs: 0 },
      host,
      priority: {
        background: () => void this.priorities.push('background'),
        normal: () => void this.priorities.push('normal'),
      },
      account,
      supervisor: () => this.supervisor(),
      openWriters: openWritersFor(process.platform),
      watch: watchFolder,
      openEndpoint,
      unpackCode: unpackWithTar(account, process.env),
      findInterpreter: findInterpreter([]),
      inheritedEnvironment: process.env,
      uselessMs: fleet.uselessMs,
      refusedMs: fleet.refusedMs,
      agentVersion: 'test',
      pid: process.pid,
      onShutdown: (listener) => this.#shutdown.push(listener),
    });
    try {
      return await runAgent(ports, signal);
    } finally {
      imds.close();
    }
  }
}
