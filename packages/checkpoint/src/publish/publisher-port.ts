import type { Clock, Log } from '@runctl/core';
import type { Manifest, Metrics, RetentionPolicy } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { OpenWriters, Recogniser, WorkloadEnd } from '../recognise/recogniser.ts';

export interface PublisherOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Absolute path of the checkpoint folder; it need not exist yet. */
  readonly folder: string;
  readonly node: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Tried in order; the first with a candidate decides. */
  readonly recognisers: readonly Recogniser[];
  readonly openWriters: OpenWriters;
  readonly settleMs: number;
  /** Asked again right before every write that others can see. Null = this machine may not publish (now). */
  readonly mayPublish: () => { readonly generation: number } | null;
  /** The training's step at a wall time, for checkpoints whose names bear none. */
  readonly progressStep?: (atWallMs: number) => number | null;
  /** Numbers that the script told beside its step, as of when a checkpoint of this step was saved. */
  readonly progressMetrics?: (at: { readonly wallMs: number; readonly step: number | null }) => Metrics;
  /** Which checkpoints stay in the bucket (default: `defaultRetention`). */
  readonly keep?: RetentionPolicy;
  /** Manifests that a restore found damaged (`RestoredCheckpoint.rejected`): nothing is copied from them or skipped for them. */
  readonly rejected?: readonly string[];
}

export interface PassOptions {
  /** Set once the workload's last process is gone. */
  readonly ended?: WorkloadEnd;
  readonly signal: AbortSignal;
  /** Monotonic time by which this must be durable. An older upload under way is aborted, the newest complete checkpoint goes first. */
  readonly deadlineMs?: number;
}

/** The checkpoint that `latest.json` names. Fits the heartbeat's `durable`. */
export interface DurableCheckpoint {
  readonly manifest: string;
  readonly step: number | null;
  readonly savedAt: string;
  readonly at: string;
}

export interface CandidateReport {
  readonly entry: string;
  readonly step: number | null;
  readonly complete: boolean;
  /** Why it counts as complete or not, or why it was not published. For people. */
  readonly why: string;
}

export interface UploadProgress {
  readonly path: string;
  readonly sentBytes: number;
  readonly sizeBytes: number;
}

export interface PassReport {
  /** Committed by this pass: `latest.json` names it. */
  readonly published: Manifest | null;
  readonly durable: DurableCheckpoint | null;
  readonly candidates: readonly CandidateReport[];
  /** Complete checkpoints newer than the durable one that this pass did not make durable, with why. */
  readonly notDurable: readonly string[];
  /** `not-holder`: mayPublish() said no. `fenced`: the bucket names a higher generation, so publishing is over for good. */
  readonly refused: 'not-holder' | 'fenced' | null;
  /** Something is still changing or settling: call again after settleMs even if no file event comes. */
  readonly unsettled: boolean;
  /** What stopped the pass short (store, disk, the caller's signal); null when it ran to its end. The next pass continues. */
  readonly error: unknown;
}

export interface Publisher {
  /**
   * Looks once, publishes at most the newest complete checkpoint that is not durable yet, prunes old ones. Never rejects.
   * One pass at a time: a call during another waits for it, or, when it has a deadline, aborts it first.
   */
  pass(options: PassOptions): Promise<PassReport>;
  /** Files on their way now, for the heartbeat. */
  uploads(): readonly UploadProgress[];
  /** As of the last pass or look at the bucket; null = nothing is durable or nothing is known yet. */
  durable(): DurableCheckpoint | null;
}
