import type { Market } from '@runctl/protocol';
import type { CapacityRef } from './capacity.ts';
import type { Offer } from './offer.ts';

/** A launch that goes on in another market. */
export interface MarketSwitch {
  /**
   * From now on makes the launch's machines in `market`, `nodes` of them; machines of the other market end. Idempotent.
   * Called once by whoever watches a launch that found no capacity. Errors: as of `launch`; `run-not-found` never: a
   * reference that the provider does not know is `cloud-error`.
   */
  switchTo(ref: CapacityRef, market: Market, nodes: number): Promise<void>;
}

/** Between which prices per hour an offer has been. */
export interface PriceRange {
  readonly lowUsd: number;
  readonly highUsd: number;
}

/** What machines cost before now. */
export interface PriceHistory {
  /**
   * For each offer, in their order, where its price has been since `sinceMs`; null where nothing is known of it. A read, which
   * may take some seconds. How far back a provider remembers is its own affair (EC2: 90 days).
   */
  ranges(offers: readonly Offer[], sinceMs: number): Promise<ReadonlyArray<PriceRange | null>>;
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
