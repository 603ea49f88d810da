import type { RequestListener } from 'node:http';
import type { Machine, MachineBoot } from './machine.ts';

/** Degree to which an instance is real; see FAKES.md. `vm` fits behind the same port. */
export type SandboxLevel = 'process' | 'lite' | 'nspawn';

/** A machine to be started, and the servers that it is connected to. */
export interface MachineSpec extends MachineBoot {
  /** Serves this machine's IMDS at 169.254.169.254:80, or at an address of loopback that the environment names. */
  readonly imds: RequestListener;
  /** Serves the region's AWS endpoints; reachable from inside under `endpointUrl`. */
  readonly endpoints: RequestListener;
  readonly region: string;
  /** More environment of everything that runs inside (user data, exec), after what the level itself sets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Starts machines. Nothing that it starts may outlive the process that holds it, and nothing that happens in a machine
 * (power-off, signals, mounts, init, buses) may reach the host.
 */
export interface MachineDriver {
  readonly level: SandboxLevel;
  /** Limits of this level that its user must know, one sentence each. */
  readonly notReal: readonly string[];
  /** Programs of the image, by their User-Agent, that ask for metadata without a token because of what this level lacks. */
  readonly tokenlessAgents?: RegExp;
  /** Instances have none of this computer's software, so scripts that import it would fail: `auto` does not take this level. */
  readonly onlyByName?: boolean;
  /** Tries, with no lasting effect, whether this host can run the level; else the one-line reason. */
  probe(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  /** Resolves when the machine's init runs (its user data may still be running). */
  start(spec: MachineSpec): Promise<Machine>;
  /** Ends every machine and frees what the driver holds. Idempotent. */
  close(): Promise<void>;
}
