import type { RequestListener } from 'node:http';

/** How real an instance is; see FAKES.md. `nspawn` and `vm` fit behind the same port. */
export type SandboxLevel = 'process' | 'lite';

export interface MachineSpec {
  readonly instanceId: string;
  /** Host name inside, `ip-10-77-0-11` style. Levels without a name space of their own only put it into the environment. */
  readonly hostName: string;
  /** Folder on the host for this machine alone: its disk, its console. Exists and is empty; the driver never touches anything outside it. */
  readonly folder: string;
  /** Raw user data, executed once at first boot as the instance's root; null boots an idle machine. */
  readonly userData: Buffer | null;
  /** Serves this machine's IMDS at 169.254.169.254:80, or at an address of loopback that the environment names. */
  readonly imds: RequestListener;
  /** Serves the region's AWS endpoints; reachable from inside under `endpointUrl`. */
  readonly endpoints: RequestListener;
  readonly region: string;
  /** More environment of everything that runs inside (user data, exec), after what the level itself sets. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Why a machine is gone: it powered itself off, it was killed from outside, or its init died. */
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
  /** Whether it is cut off now. `exec` works all the same: whoever models a network asks first. */
  readonly isPartitioned: boolean;
  /** What the boot printed so far, as GetConsoleOutput shows it. */
  consoleOutput(): Promise<Buffer>;
}

/**
 * Starts machines. Nothing that it starts may outlive the process that holds it, and nothing that happens in a machine
 * (power-off, signals, mounts, init, buses) may reach the host.
 */
export interface MachineDriver {
  readonly level: SandboxLevel;
  /** What a user must not take for real at this level, one sentence each. */
  readonly notReal: readonly string[];
  /** Tries, with no lasting effect, whether this host can run the level; else the one-line reason. */
  probe(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  /** Resolves when the machine's init runs (its user data may still be running). */
  start(spec: MachineSpec): Promise<Machine>;
  /** Ends every machine and frees what the driver holds. Idempotent. */
  close(): Promise<void>;
}
