import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { newNonce } from '@runctl/core';
import { bootScriptOf } from '../boot-script.ts';
import { exitOf, onLines } from '../children.ts';
import { readConsoleTail } from '../console-tail.ts';
import { CuttableServer } from '../cuttable-server.ts';
import type { MachineSpec } from '../driver.ts';
import type { ExecResult, Machine, MachineEnd } from '../machine.ts';
import { runInside } from '../run-inside.ts';
import { onlyForOwnUser } from './caller-user.ts';
import { makeInstanceFolder, processEnvironment, type InstanceFolder } from './instance-folder.ts';
import { adoptAndReport, adoptOrphans } from './scripts.ts';
import { startSweeper, sweepUp, type SweepOptions } from './sweep.ts';

export interface ProcessSettings {
  readonly stopLimitMs: number;
  readonly minuteMs: number;
  /** A Python 3 that runs, or null. */
  readonly python: string | null;
}

/** Between tries, when something cannot be killed (it hangs in the kernel) or no sweeper can be started. */
const SWEEP_PAUSE_MS = 500;
const LOOPBACK = { host: '127.0.0.1', port: 0 } as const;

/** An instance that is a folder and the processes that carry its marker. */
export class ProcessMachine implements Machine {
  readonly privateAddress = '127.0.0.1';
  readonly ended: Promise<MachineEnd>;
  readonly #settings: ProcessSettings;
  readonly #at: InstanceFolder;
  readonly #imds: CuttableServer;
  readonly #endpoints: CuttableServer;
  readonly #marker: string;
  readonly #end = Promise.withResolvers<MachineEnd>();
  #environment: Record<string, string> = {};
  #init: ChildProcess | null = null;
  #watchdog: ChildProcess | null = null;
  #stopper: ChildProcess | null = null;
  #ending = false;

  private constructor(spec: MachineSpec, settings: ProcessSettings) {
    this.#settings = settings;
    this.#at = makeInstanceFolder(spec.folder, bootScriptOf(spec.userData), settings.minuteMs);
    this.#imds = new CuttableServer(onlyForOwnUser(spec.imds));
    this.#endpoints = new CuttableServer(spec.endpoints);
    this.#marker = `${spec.instanceId}:${newNonce()}`;
    this.ended = this.#end.promise;
  }

  static async start(spec: MachineSpec, settings: ProcessSettings): Promise<ProcessMachine> {
    const machine = new ProcessMachine(spec, settings);
    try {
      await machine.#boot(spec);
      return machine;
    } catch (error) {
      await machine.kill();
      throw error;
    }
  }

  async #boot(spec: MachineSpec): Promise<void> {
    const [imdsPort, endpointPort] = await Promise.all([this.#imds.listen(LOOPBACK), this.#endpoints.listen(LOOPBACK)]);
    const { python } = this.#settings;
    const marker = this.#marker;
    this.#environment = processEnvironment({ at: this.#at, spec, marker, python, imdsPort, endpointPort });
    this.#init = this.#spawnInit();
    this.#watch();
    const up = Promise.withResolvers<void>();
    onLines(this.#init, 3, (line) => {
      if (line === 'up') up.resolve();
      if (line === 'power-off' || line === 'halt') void this.#shutDown(line);
    });
    const died = exitOf(this.#init).then(() => {
      void this.#finish('crashed');
      throw new Error('the init of the instance ended while it booted');
    });
    await Promise.race([up.promise, died]);
    died.catch(() => {
      // After the boot, `ended` tells.
    });
    this.#init.stdin?.write('go\n');
  }

  #spawnInit(): ChildProcess {
    const shell = ['/bin/sh', join(this.#at.state, 'init'), this.#at.state, this.#at.userData];
    const { python } = this.#settings;
    const command = python !== null && process.platform === 'linux' ? [python, '-c', adoptOrphans, ...shell] : shell;
    const terminal = openSync(this.#at.console, 'a');
    const child = spawn(command[0] ?? '/bin/sh', command.slice(1), {
      stdio: ['pipe', terminal, terminal, 'pipe'],
      env: this.#environment,
      cwd: this.#at.root,
      detached: true,
    });
    closeSync(terminal);
    child.stdin?.on('error', () => {
      // It is gone; `exit` tells.
    });
    return child;
  }

  /** Keeps a sweeper waiting for our death. The pipe to it is closed by the kernel however we end. */
  #watch(): void {
    this.#watchdog = startSweeper('watch', this.#sweepOptions());
    // Whoever killed it did not mean the machine.
    void this.#replaceWatchdog(this.#watchdog);
  }

  async #replaceWatchdog(watchdog: ChildProcess): Promise<void> {
    await exitOf(watchdog);
    if (!this.#ending) this.#watch();
  }

  #sweepOptions(): SweepOptions {
    const { stopLimitMs } = this.#settings;
    return { marker: this.#marker, initPid: this.#init?.pid ?? 0, stopLimitMs };
  }

  async #shutDown(request: 'power-off' | 'halt'): Promise<void> {
    if (this.#ending || this.#stopper !== null) return;
    const stopper = startSweeper('stop', this.#sweepOptions());
    this.#stopper = stopper;
    await exitOf(stopper);
    this.#stopper = null;
    if (request === 'power-off') await this.#finish('power-off');
  }

  async #finish(end: MachineEnd): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#stopper?.kill('SIGKILL');
    if (this.#init !== null) await this.#sweep();
    this.#imds.close();
    this.#endpoints.close();
    this.#end.resolve(end);
  }

  async #sweep(): Promise<void> {
    this.#watchdog?.stdin?.end();
    let clean = this.#watchdog !== null && (await exitOf(this.#watchdog)) === 0;
    while (!clean) {
      clean = await sweepUp(this.#sweepOptions());
      if (!clean) await new Promise((resolve) => setTimeout(resolve, SWEEP_PAUSE_MS));
    }
  }

  async exec(command: readonly string[], options: { stdin?: Buffer; timeoutMs: number }): Promise<ExecResult> {
    const [program, ...args] = command;
    if (this.#ending || program === undefined) throw new Error('the machine is gone');
    const inside = { ...options, env: this.#environment, cwd: this.#at.root };
    const { python } = this.#settings;
    if (python === null || process.platform !== 'linux') return runInside({ ...inside, command: program, args });
    return runInside({ ...inside, command: python, args: ['-c', adoptAndReport, ...command], reported: true });
  }

  pressPowerButton(): void {
    if (!this.#ending) this.#init?.kill('SIGTERM');
  }

  async kill(): Promise<void> {
    void this.#finish('killed');
    await this.ended;
  }

  setPartitioned(partitioned: boolean): void {
    this.#endpoints.setCut(partitioned);
  }

  get isPartitioned(): boolean {
    return this.#endpoints.isCut;
  }

  consoleOutput(): Promise<Buffer> {
    return readConsoleTail(this.#at.console);
  }
}
