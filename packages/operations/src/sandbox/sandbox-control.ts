import type { SandboxStatus, SandboxTarget } from '@runctl/protocol';
import type { Environment } from '@runctl/core';

export interface SandboxStartOptions {
  /** Folder that holds all of the region's state. */
  readonly folder: string;
  readonly environment: Environment;
  /** `auto` takes the most real one that this machine allows. */
  readonly level?: string | undefined;
  readonly timeScale?: number | undefined;
  readonly bootDelayMs?: number | undefined;
  /** The region ends when this process is gone. */
  readonly parentPid?: number | undefined;
  /** File that takes every AWS call and its answer; absolute. */
  readonly recordFile?: string | undefined;
}

/** A running local cloud. */
export interface SandboxRegion {
  readonly folder: string;
  readonly pid: number;
  readonly level: string;
  readonly timeScale: number;
  readonly startedAt: string;
  readonly endpointUrl: string;
  /** What must not be taken for real at this level, one sentence each. */
  readonly notReal: readonly string[];
  /** Variables with which any AWS client, this one too, talks to it. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface InterruptRequest {
  readonly target: SandboxTarget;
  /** False: it dies at once, without a word. */
  readonly notice: boolean;
  /** A rebalance recommendation comes first. */
  readonly rebalance: boolean;
}

/** Starts, finds and steers local clouds. Errors: `sandbox-running`, `sandbox-not-running`, `instance-not-found`. */
export interface SandboxControl {
  /** Starts one; it outlives this process. `say` tells progress. */
  start(options: SandboxStartOptions, say: (text: string) => void): Promise<SandboxRegion>;
  /** The one that runs in the folder, started if need be. */
  ensure(options: SandboxStartOptions, say: (text: string) => void): Promise<SandboxRegion>;
  /** The one that runs in the folder, or null. */
  find(folder: string): Promise<SandboxRegion | null>;
  /** What stands in the folder about one that runs or ran there; asks nobody. */
  lastKnown(folder: string): Promise<SandboxRegion | null>;
  status(folder: string): Promise<SandboxStatus>;
  /** Everything in it dies; resolves when it did. False when none ran. */
  stop(folder: string): Promise<boolean>;
  /** Takes instances back; resolves with their ids. */
  interrupt(folder: string, request: InterruptRequest): Promise<readonly string[]>;
  /** Serves one in this process until it is asked to stop. */
  serve(options: SandboxStartOptions, say: (text: string) => void): Promise<void>;
}
