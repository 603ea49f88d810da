import type { Clock, Log } from '@runctl/core';
import type { Manifest, Metrics, RetentionPolicy } from '@runctl/protocol';
import type { Lanes, ObjectStore } from '@runctl/store';
import type { OpenWriters, Recogniser, WorkloadEnd } from './recogniser.ts';
import type { PassedOver } from './passed-over.ts';
import type { UploadJournal } from './upload-journal.ts';

export interface PublisherOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Absolute path of the checkpoint folder; it need not exist yet. */
  readonly folder: string;
  /** 0 publishes, with the lease; the others of a run of several machines deliver their files to it. */
  readonly node: number;
  /** Machines of the run (default 1). */
  readonly nodes?: number;
  /** Node 0 waits so long for the others' files after its own are uploaded (default ten minutes). */
  readonly gatherMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Tried in order; the first with a candidate decides. */
  readonly recognisers: readonly Recogniser[];
  readonly openWriters: OpenWriters;
  readonly settleMs: number;
  /**
   * Asked again right before every write that others can see. Null = this machine may not publish (now). On nodes other than
   * 0: the generation that this machine's workload was started in.
   */
  readonly mayPublish: () => { readonly generation: number } | null;
  /** The training's step at a wall time, for checkpoints whose names bear none. */
  readonly progressStep?: (atWallMs: number) => number | null;
  /** Numbers that the script reported beside its step, as of when a checkpoint of this step was saved. */
  readonly progressMetrics?: (at: { readonly wallMs: number; readonly step: number | null }) => Metrics;
  /** Which checkpoints stay in the bucket (default: `defaultRetention`). */
  readonly keep?: RetentionPolicy;
  /** Manifests that a restore found damaged (`RestoredCheckpoint.rejected`): nothing is copied from them or skipped for them. */
  readonly rejected?: readonly string[];
  /** What uploads share with others of this process (default: own ones). */
  readonly lanes?: Lanes;
  /** Lets the next agent on this machine go on with uploads (default: forgotten with this one). */
  readonly journal?: UploadJournal;
  /** Of the part grid (default: the format's). Another one is for simulations, where tiny files shall have many parts. */
  readonly partSizeBytes?: number;
}

export interface PassOptions {
  /** Set once the workload's last process is gone. */
  readonly ended?: WorkloadEnd;
  readonly signal: AbortSignal;
  /** Monotonic time by which this must be durable. An upload under way that is not what goes first then is aborted. */
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
  /** Paths of its own files, where it does not count as complete. */
  readonly files?: readonly string[];
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
  /** What stands in the folder under a name that counts and will not be kept, however long one waits. The same in each pass. */
  readonly passedOver: readonly PassedOver[];
  /** `not-holder`: mayPublish() said no. `fenced`: the bucket names a higher generation, so publishing is over for good. */
  readonly refused: 'not-holder' | 'fenced' | null;
  /** Something is still changing or settling: call again after settleMs even if no file event comes. */
  readonly unsettled: boolean;
  /** How soon, where that is known to be sooner than after settleMs. */
  readonly againInMs?: number;
  /** What stopped the pass short (store, disk, the caller's signal); null when it ran to its end. The next pass continues. */
  readonly error: unknown;
}

export interface GrowingLook {
  /** Something is growing: look again soon. */
  readonly active: boolean;
  /** How many files were looked at, which is what a look costs. */
  readonly files: number;
}

export interface Publisher {
  /**
   * Looks once and publishes the newest complete checkpoint that is not durable yet; with a deadline, what `secureInOrder`
   * says. Old ones are pruned behind it, or before it returns where the workload has ended. Never rejects. One pass at a
   * time: a call during another waits for it, or, when it has a deadline, aborts it first.
   */
  pass(options: PassOptions): Promise<PassReport>;
  /**
   * The machine goes away: from now on every pass has this deadline (monotonic), unless its own comes sooner. A pass that
   * is sending something else than what can be secured is aborted at once; resolves when that is decided. Never rejects.
   */
  hurry(deadlineMs: number): Promise<void>;
  /** The machine stays after all. */
  calm(): void;
  /**
   * One look for files that grow, whose parts are uploaded ahead; uploading goes on behind it until the signal fires.
   * Rejects as the store and the file system do. May run beside a pass.
   */
  uploadGrowing(signal: AbortSignal): Promise<GrowingLook>;
  /** Resolves when nothing goes on behind passes and looks. */
  settled(): Promise<void>;
  /** After the workload's end: gives up uploads that became part of nothing, as far as that is possible in a moment. Never rejects. */
  end(): Promise<void>;
  /** Files on their way now, for the heartbeat. */
  uploads(): readonly UploadProgress[];
  /** As of the last pass or look at the bucket; null = nothing is durable or nothing is known yet. */
  durable(): DurableCheckpoint | null;
}
