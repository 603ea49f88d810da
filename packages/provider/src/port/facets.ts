import type { Market } from '@runctl/protocol';
import type { CapacityRef } from './capacity.ts';

/** A launch that goes on in another market. */
export interface MarketSwitch {
  /**
   * From now on makes the launch's machines in `market`, `nodes` of them; machines of the other market end. Idempotent.
   * Called once by whoever watches a launch that found no capacity. Errors: as of `launch`; `run-not-found` never: a
   * reference that the provider does not know is `cloud-error`.
   */
  switchTo(ref: CapacityRef, market: Market, nodes: number): Promise<void>;
}

/** A shell script as root on a machine. */
export interface RemoteShell {
  /**
   * Runs the script once; a call whose answer was lost may have run it. Output may be cut by the provider (EC2: after 24,000
   * characters). Errors: `agent-unreachable` when the machine does not answer within `timeoutMs`, or is gone; those of access.
   */
  run(machineId: string, script: string, options: ShellOptions): Promise<ShellResult>;
}

export interface ShellOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ShellResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
