/** The start of a machine, apart from the servers that it is connected to. */
export interface MachineBoot {
  readonly instanceId: string;
  /** Host name inside, `ip-10-77-0-11` style. Levels without a name space of their own only put it into the environment. */
  readonly hostName: string;
  /** Folder on the host for this machine alone: its disk, its console. Exists and is empty; the driver never touches anything outside it. */
  readonly folder: string;
  /** Raw user data, executed once at first boot as the instance's root; null boots an idle machine. */
  readonly userData: Buffer | null;
}

/** The end of a command in a machine, and its output. */
export interface ExecResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It ran until `timeoutMs` and was killed for that. */
  readonly timedOut: boolean;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The end of a machine: it powered itself off, it was killed from outside, or its init died. */
export type MachineEnd = 'power-off' | 'killed' | 'crashed';

export interface Machine {
  /** Address the instance has; on loopback where the level has no network of its own. */
  readonly privateAddress: string;
  /** Resolves once, when the last process in it is dead. Never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Runs a command inside as its root, as SSM Run Command does. Rejects when the machine is gone. */
  exec(command: readonly string[], options: { stdin?: Buffer; timeoutMs: number }): Promise<ExecResult>;
  /** The ACPI power button: an ordinary shutdown begins (SIGTERM to everything inside); nothing is awaited. Idempotent. */
  pressPowerButton(): void;
  /** Everything in it dies at once; resolves when it did. Idempotent. */
  kill(): Promise<void>;
  /** Cuts (true) or restores (false) every connection between the machine and the region's endpoints, IMDS excepted. */
  setPartitioned(partitioned: boolean): void;
  /** True while it is cut off. `exec` works all the same: a model of a network asks first. */
  readonly isPartitioned: boolean;
  /** Output of the boot so far, as GetConsoleOutput shows it. */
  consoleOutput(): Promise<Buffer>;
}
