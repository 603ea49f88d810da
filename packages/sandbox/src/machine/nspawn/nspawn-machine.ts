import type { ChildProcess } from 'node:child_process';
import { globSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '@runctl/core';
import { exitOf, onLines } from '../children.ts';
import { readConsoleTail } from '../console-tail.ts';
import { CuttableServer } from '../cuttable-server.ts';
import type { MachineSpec } from '../driver.ts';
import { spawnHolder } from '../holder.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import { markerVariables } from '../instance-marker.ts';
import type { ExecResult, Machine, MachineEnd } from '../machine.ts';
import { addressOf } from '../private-address.ts';
import { runInside } from '../run-inside.ts';
import { serveInside } from '../serve-inside.ts';
import { leaderBelow } from './leader.ts';
import { nspawnSetupScript } from './setup-script.ts';

export interface NspawnSettings {
  readonly image: string;
  /** Port on the instance's 127.0.0.1 where the region's endpoints answer. */
  readonly endpointPort: number;
}

const NAME_SPACES = ['--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--propagation', 'private'];
/** systemd's signal for `systemctl poweroff` (systemd(1), "Signals"): SIGRTMIN+4, where glibc's SIGRTMIN is 34. */
const POWER_OFF = 38;
const LEADER_LIMIT_MS = 20_000;
const LOOK_MS = 10;
const NEW_GROUP_MS = 60_000;

/** An instance with a systemd of its own. Its first process is tied to ours: it dies when we do, and everything with it. */
export class NspawnMachine implements Machine {
  readonly privateAddress: string;
  readonly ended: Promise<MachineEnd>;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #consoleFile: string;
  readonly #imds: CuttableServer;
  readonly #endpoints: CuttableServer;
  readonly #holder: ChildProcess;
  readonly #controlGroups: string[] = [];
  /** The first process of the instance's name spaces, below which systemd-nspawn runs, as the host sees it. */
  #outerPid: number | null = null;
  #killing = false;
  #gone = false;

  private constructor(spec: MachineSpec, settings: NspawnSettings) {
    this.privateAddress = addressOf(spec.hostName) ?? '127.0.0.1';
    this.#environment = instanceEnvironment(spec, settings.endpointPort);
    this.#consoleFile = join(spec.folder, 'console.log');
    this.#imds = new CuttableServer(spec.imds);
    this.#endpoints = new CuttableServer(spec.endpoints);
    this.#holder = this.#spawn(spec, settings);
    this.ended = exitOf(this.#holder).then((code) => {
      this.#gone = true;
      this.#imds.close();
      this.#endpoints.close();
      for (const folder of this.#controlGroups) removeControlGroup(folder);
      return this.#killing ? 'killed' : code === 0 ? 'power-off' : 'crashed';
    });
  }

  static async start(spec: MachineSpec, settings: NspawnSettings): Promise<NspawnMachine> {
    const machine = new NspawnMachine(spec, settings);
    try {
      await machine.#boot(settings);
      return machine;
    } catch (error) {
      await machine.kill();
      throw error;
    }
  }

  #spawn(spec: MachineSpec, settings: NspawnSettings): ChildProcess {
    const disk = join(spec.folder, 'disk');
    for (const name of ['upper', 'work', 'root']) mkdirSync(join(disk, name), { recursive: true });
    writeOwnFiles(join(disk, 'upper'), { spec, address: this.privateAddress, environment: this.#environment });
    const setup = [
      '/bin/sh',
      '-c',
      nspawnSetupScript,
      'setup',
      disk,
      settings.image,
      spec.instanceId,
      this.privateAddress,
    ];
    const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...markerVariables(spec.instanceId) };
    return spawnHolder({ nameSpaces: NAME_SPACES, setup, consoleFile: this.#consoleFile, environment });
  }

  async #boot(settings: NspawnSettings): Promise<void> {
    const addressed = Promise.withResolvers<number>();
    onLines(this.#holder, 3, (line) => {
      if (line.startsWith('cgroup ')) this.#controlGroups.push(line.slice('cgroup '.length));
      if (line.startsWith('net ')) addressed.resolve(Number(line.slice('net '.length)));
    });
    const died = exitOf(this.#holder).then(async () => {
      throw new Error(`the instance died while it booted: ${(await this.consoleOutput()).toString().trim()}`);
    });
    died.catch(() => {
      // After the boot, `ended` tells.
    });
    const pid = await Promise.race([addressed.promise, died]);
    this.#outerPid = pid;
    const servers = { imds: this.#imds, endpoints: this.#endpoints };
    await Promise.race([serveInside(pid, servers, settings.endpointPort), died]);
    this.#holder.stdin?.end('go\n');
    await Promise.race([this.#leaderComes(), died]);
  }

  async #leaderComes(): Promise<number> {
    const giveUpAtMs = systemClock.monotonicMs() + LEADER_LIMIT_MS;
    for (;;) {
      const leader = this.#leader();
      if (leader !== null) return leader;
      if (systemClock.monotonicMs() > giveUpAtMs)
        throw new Error("systemd-nspawn did not start the instance's systemd");
      await systemClock.sleep(LOOK_MS);
    }
  }

  #leader(): number | null {
    return this.#gone || this.#outerPid === null ? null : leaderBelow(this.#outerPid);
  }

  async exec(command: readonly string[], options: { stdin?: Buffer; timeoutMs: number }): Promise<ExecResult> {
    const leader = this.#leader();
    if (leader === null) throw new Error('the machine is gone');
    return runInside({
      command: 'nsenter',
      args: [`--target=${leader}`, '--mount', '--pid', '--uts', '--net', '--ipc', '--cgroup', '--', ...command],
      env: this.#environment,
      cwd: '/',
      timeoutMs: options.timeoutMs,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    });
  }

  pressPowerButton(): void {
    const leader = this.#leader();
    if (leader !== null) signalled(leader, POWER_OFF);
  }

  async kill(): Promise<void> {
    this.#killing ||= !this.#gone;
    if (this.#outerPid === null) this.#holder.kill('SIGKILL');
    else if (!this.#gone) signalled(this.#outerPid, 'SIGKILL');
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
}

function writeOwnFiles(
  upper: string,
  own: { readonly spec: MachineSpec; readonly address: string; readonly environment: Readonly<Record<string, string>> },
): void {
  const { spec, address, environment } = own;
  const { HOME: _, ...ofServices } = environment;
  const assignments = Object.entries(ofServices).map(([name, value]) => `"${name}=${value}"`);
  const files: Record<string, string> = {
    'etc/hostname': `${spec.hostName}\n`,
    // The machine's own name stands for its address, as EC2's resolver answers; never for loopback.
    'etc/hosts': `127.0.0.1 localhost\n${address} ${spec.hostName}\n`,
    // GetConsoleOutput shows what the boot printed.
    'etc/systemd/journald.conf.d/50-console.conf': '[Journal]\nForwardToConsole=yes\nMaxLevelConsole=info\n',
    'etc/systemd/system.conf.d/50-region.conf': `[Manager]\nDefaultEnvironment=${assignments.join(' ')}\n`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(upper, path)), { recursive: true });
    writeFileSync(join(upper, path), text);
  }
}

function signalled(pid: number, signal: number | NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in this very moment.
  }
}

/** Removes the groups that instances of a killed region left; one with a process in it stays, and a new one gets its first. */
export function removeLeftControlGroups(): void {
  const left = globSync(['/sys/fs/cgroup/runctl-i-*', '/sys/fs/cgroup/*/runctl-i-*']);
  for (const folder of left) {
    const madeMs = statSync(folder, { throwIfNoEntry: false })?.ctimeMs ?? 0;
    if (systemClock.wallMs() - madeMs > NEW_GROUP_MS) removeControlGroup(folder);
  }
}

/** The group's processes are dead; what systemd made below it is empty too. */
function removeControlGroup(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeControlGroup(join(folder, entry.name));
    rmdirSync(folder);
  } catch {
    // A process of it is not yet reaped; an empty group costs nothing.
  }
}
