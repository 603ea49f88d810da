import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootScriptOf } from '../boot-script.ts';
import { exitOf, onLines } from '../children.ts';
import { readConsoleTail } from '../console-tail.ts';
import { CuttableServer } from '../cuttable-server.ts';
import type { MachineSpec } from '../driver.ts';
import type { ExecResult, Machine, MachineEnd } from '../machine.ts';
import { spawnHolder } from '../holder.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import { addressOf } from '../private-address.ts';
import { runInside } from '../run-inside.ts';
import { serveInside } from '../serve-inside.ts';
import { layOutDisk } from './disk.ts';
import { confined, setupScript } from './scripts.ts';

export interface LiteSettings {
  /** Port on the instance's 127.0.0.1 where the region's endpoints answer. */
  readonly endpointPort: number;
  readonly hiddenFolders: readonly string[];
  readonly sharedFolders: readonly string[];
  readonly stopLimitMs: number;
  readonly minuteMs: number;
}

const NAME_SPACES = [
  '--net',
  '--mount',
  '--pid',
  '--uts',
  '--ipc',
  '--fork',
  '--kill-child',
  '--propagation',
  'private',
];

/**
 * Resolves when a process is dead. The holder waits for the init, so this is so already, unless the holder itself was killed.
 * The first process of a pid name space is no zombie before every other one in it is dead.
 */
async function processGone(pid: number): Promise<void> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
    if (/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An instance in name spaces of its own. Its first process is tied to ours: it dies when we do, and everything with it. */
export class LiteMachine implements Machine {
  readonly privateAddress: string;
  readonly ended: Promise<MachineEnd>;
  readonly #environment: Record<string, string>;
  readonly #consoleFile: string;
  readonly #imds: CuttableServer;
  readonly #endpoints: CuttableServer;
  readonly #holder: ChildProcess;
  #initPid: number | null = null;
  #killing = false;
  #gone = false;

  private constructor(spec: MachineSpec, settings: LiteSettings) {
    this.privateAddress = addressOf(spec.hostName) ?? '127.0.0.1';
    this.#environment = instanceEnvironment(spec, settings.endpointPort);
    this.#consoleFile = join(spec.folder, 'console.log');
    this.#imds = new CuttableServer(spec.imds);
    this.#endpoints = new CuttableServer(spec.endpoints);
    this.#holder = this.#spawn(spec, settings);
    this.ended = exitOf(this.#holder).then(async (code) => {
      const end = this.#killing ? 'killed' : code === 0 ? 'power-off' : 'crashed';
      this.#gone = true;
      this.#imds.close();
      this.#endpoints.close();
      if (this.#initPid !== null) await processGone(this.#initPid);
      return end;
    });
  }

  static async start(spec: MachineSpec, settings: LiteSettings): Promise<LiteMachine> {
    const machine = new LiteMachine(spec, settings);
    try {
      await machine.#boot(settings);
      return machine;
    } catch (error) {
      await machine.kill();
      throw error;
    }
  }

  #spawn(spec: MachineSpec, settings: LiteSettings): ChildProcess {
    const disk = join(spec.folder, 'disk');
    mkdirSync(disk, { mode: 0o700 });
    const boot = bootScriptOf(spec.userData);
    layOutDisk({
      ...settings,
      folder: disk,
      hostName: spec.hostName,
      address: this.privateAddress,
      environment: this.#environment,
      boot,
    });
    if (boot.kind === 'unsupported')
      appendFileSync(this.#consoleFile, `runctl-sandbox: ${boot.reason}\n`, { mode: 0o600 });
    const address = addressOf(spec.hostName) ?? '';
    writeFileSync(join(disk, 'setup'), setupScript);
    const setup = ['/bin/sh', join(disk, 'setup'), disk, spec.hostName, address];
    return spawnHolder({
      nameSpaces: NAME_SPACES,
      setup,
      consoleFile: this.#consoleFile,
      environment: this.#environment,
    });
  }

  async #boot(settings: LiteSettings): Promise<void> {
    const up = Promise.withResolvers<void>();
    const addressed = Promise.withResolvers<number>();
    onLines(this.#holder, 3, (line) => {
      if (line.startsWith('net ')) addressed.resolve(Number(line.slice(4)));
      if (line === 'up') up.resolve();
    });
    const died = exitOf(this.#holder).then(async () => {
      throw new Error(`the instance died while it booted: ${(await this.consoleOutput()).toString().trim()}`);
    });
    this.#initPid = await Promise.race([addressed.promise, died]);
    const servers = { imds: this.#imds, endpoints: this.#endpoints };
    const serving = serveInside(this.#initPid, servers, settings.endpointPort);
    await Promise.race([Promise.all([serving, up.promise]), died]);
    died.catch(() => {
      // After the boot, `ended` tells.
    });
    this.#holder.stdin?.end('go\n');
  }

  async exec(command: readonly string[], options: { stdin?: Buffer; timeoutMs: number }): Promise<ExecResult> {
    if (this.#gone) throw new Error('the machine is gone');
    const at = `/proc/${this.#holder.pid}/ns`;
    const spaces = ['net', 'uts', 'ipc'].map((name) => `--${name}=${at}/${name}`);
    const enter = [...spaces, `--pid=${at}/pid_for_children`, `--mount=${at}/mnt`, '--', ...confined];
    return runInside({
      command: 'nsenter',
      args: [...enter, ...command],
      env: this.#environment,
      cwd: '/',
      timeoutMs: options.timeoutMs,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    });
  }

  pressPowerButton(): void {
    this.#signal('SIGTERM');
  }

  async kill(): Promise<void> {
    this.#killing ||= !this.#gone;
    if (this.#initPid === null) this.#holder.kill('SIGKILL');
    else this.#signal('SIGKILL');
    await this.ended;
  }

  setPartitioned(partitioned: boolean): void {
    this.#endpoints.setCut(partitioned);
  }

  get isPartitioned(): boolean {
    return this.#endpoints.isCut;
  }

  consoleOutput(): Promise<Buffer> {
    return readConsoleTail(this.#consoleFile);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#gone || this.#initPid === null) return;
    try {
      process.kill(this.#initPid, signal);
    } catch {
      // It ended in this very moment.
    }
  }
}
