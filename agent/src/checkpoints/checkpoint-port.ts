import type { Publisher, RestoredCheckpoint, RestoreProgress } from '@runctl/checkpoint';

/** The checkpoints of this run on this machine. */
export interface Checkpoints {
  readonly publisher: Publisher;
  /** Puts the latest durable checkpoint in place; null when there is none. Local files that differ from it are set aside. */
  restore(options: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: RestoreProgress) => void;
  }): Promise<RestoredCheckpoint | null>;
  /** Calls back soon after anything below the checkpoint folder changed, until the signal fires. */
  watch(onChange: () => void, signal: AbortSignal): void;
}

export interface CheckpointsRequest {
  /** Absolute. */
  readonly folder: string;
  readonly settleMs: number;
  readonly node: number;
  readonly mayPublish: () => { readonly generation: number } | null;
  readonly progressStep: (atWallMs: number) => number | null;
}

export type OpenCheckpoints = (request: CheckpointsRequest) => Checkpoints;
