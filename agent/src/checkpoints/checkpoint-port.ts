import type { Publisher, RestoredCheckpoint, RestoreProgress } from '@runctl/checkpoint';
import type { Metrics, RetentionPolicy } from '@runctl/protocol';

/** The checkpoints of this run on this machine. */
export interface Checkpoints {
  readonly publisher: Publisher;
  /**
   * Puts the latest durable checkpoint in place; null when there is none, and then nothing torn is left lying, nor what
   * a killed workload has written since `cutOffSinceMs` (wall time). Only for the lease's holder while no workload runs.
   */
  restore(options: RestoreRequest & { readonly cutOffSinceMs: number | null }): Promise<RestoredCheckpoint | null>;
  /** Begins to download what `restore` will need, without touching the folder; `restore` waits for it. Needs no lease. */
  prefetch(options: RestoreRequest): void;
  /** Calls back soon after anything below the checkpoint folder changed, until the signal fires. */
  watch(onChange: () => void, signal: AbortSignal): void;
  /** Removes what older generations left unfinished; called once a generation. Rejects as the store does. */
  cleanUp(generation: number, signal: AbortSignal): Promise<void>;
}

export interface RestoreRequest {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RestoreProgress) => void;
}

export interface CheckpointsRequest {
  /** Absolute. */
  readonly folder: string;
  readonly settleMs: number;
  readonly node: number;
  readonly nodes: number;
  readonly mayPublish: () => { readonly generation: number } | null;
  readonly progressStep: (atWallMs: number) => number | null;
  readonly progressMetrics: (at: { readonly wallMs: number; readonly step: number | null }) => Metrics;
  readonly keep: RetentionPolicy;
}

export type OpenCheckpoints = (request: CheckpointsRequest) => Checkpoints;
