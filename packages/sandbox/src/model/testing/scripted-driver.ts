import type { ExecResult, Machine, MachineBoot, MachineEnd } from '../../machine/machine.ts';
import type { MachineSource } from '../ec2/instances.ts';

/** Answers a command; a rejection is what a machine that is gone does. */
type ScriptedExec = (command: readonly string[], timeoutMs: number) => Promise<ExecResult>;

/** Behaviour of a scripted driver's machines; may be changed between starts. */
export interface MachineScript {
  /** Obeys the power button at once. */
  obeysPowerButton: boolean;
  exec: ScriptedExec;
  /** Thrown by the next starts. */
  startError: Error | null;
}

export function execResult(stdout: string, exitCode: number | null = 0, stderr = ''): ExecResult {
  return {
    exitCode,
    signal: exitCode === null ? 'SIGKILL' : null,
    timedOut: false,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
  };
}

/** A machine that exists in this process only. Tests press its buttons and see what was pressed. */
export class ScriptedMachine implements Machine {
  readonly boot: MachineBoot;
  readonly privateAddress: string;
  readonly ended: Promise<MachineEnd>;
  readonly calls: string[] = [];
  readonly #script: MachineScript;
  #end: (end: MachineEnd) => void = () => {};

  constructor(boot: MachineBoot, script: MachineScript) {
    this.boot = boot;
    this.#script = script;
    this.privateAddress = boot.hostName.replace('ip-', '').replaceAll('-', '.');
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  async exec(command: readonly string[], options: { timeoutMs: number }): Promise<ExecResult> {
    this.calls.push(`exec ${command.join(' ')}`);
    return await this.#script.exec(command, options.timeoutMs);
  }

  pressPowerButton(): void {
    this.calls.push('power-button');
    if (this.#script.obeysPowerButton) this.#end('power-off');
  }

  kill(): Promise<void> {
    this.calls.push('kill');
    this.#end('killed');
    return Promise.resolve();
  }

  /** Ends as `poweroff` inside does. */
  powerOff(): void {
    this.#end('power-off');
  }

  crash(): void {
    this.#end('crashed');
  }

  isPartitioned = false;

  setPartitioned(partitioned: boolean): void {
    this.isPartitioned = partitioned;
    this.calls.push(`partitioned ${partitioned}`);
  }

  consoleOutput(): Promise<Buffer> {
    return Promise.resolve(Buffer.from(`console of ${this.boot.instanceId}\n`));
  }
}

/** Gives out machines that are objects. */
export class ScriptedDriver implements MachineSource {
  readonly level = 'process';
  readonly notReal = ['everything'];
  readonly machines = new Map<string, ScriptedMachine>();
  readonly script: MachineScript = {
    obeysPowerButton: true,
    exec: (command) => Promise.resolve(execResult(`${command.at(-1)}\n`)),
    startError: null,
  };

  start(boot: MachineBoot): Promise<Machine> {
    if (this.script.startError !== null) return Promise.reject(this.script.startError);
    const machine = new ScriptedMachine(boot, this.script);
    this.machines.set(boot.instanceId, machine);
    return Promise.resolve(machine);
  }

  /** The machine of an instance that has one. */
  of(instanceId: string): ScriptedMachine {
    const machine = this.machines.get(instanceId);
    if (machine === undefined) throw new Error(`${instanceId} has no machine`);
    return machine;
  }
}
