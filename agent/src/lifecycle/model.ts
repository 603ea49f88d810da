import type { StopCause } from '@runctl/protocol';

/**
 * The life of one workload process on one machine. Pure: time arrives as `nowMs` (monotonic), work leaves as effects, and
 * every result of an effect comes back as an event.
 *
 *     preparing: looking ──nothing-running──▶ fetching ──prepared──▶ spawning ──started──▶ running
 *                   │                           │                      │                    │ │
 *                   └─────────adopted───────────┼──────────────────────┼──▶ (running)  stop │ │ exited
 *                                               │ stop, failed         │ failed             ▼ │
 *        a stop is remembered while looking and │                      │                draining
 *        spawning, until it is known whether    │                      │    exited, or too │ │
 *        there is a process to signal           ▼                      ▼    late to wait   ▼ ▼
 *                                               └──────────────────────┴─────────────▶ flushing
 *                                   moved ⟲      flushed | flush-failed | deadline ──▶ │
 *                                                                                       reporting
 *                                                            reported | deadline ──▶ ended
 *
 * Deadlines are data, counted back from `haltAtMs`: report by it, flush by `haltAtMs − report`, kill by
 * `haltAtMs − report − flush`. A later stop can only bring them nearer; the first cause stays, but for `fenced`, which comes
 * before all others and ends a flush at once. Without `haltAtMs` a flush has no deadline, only a limit on standing still:
 * `moved` puts `flushByMs` off, by `stalledFlushMs` from now. A drain of a stop at which
 * nothing presses (`saving` is not null) is killed by how it saves: each byte puts `killAtMs` off, and so does the telling of
 * those who wait to be told, which that end brings about; never beyond `limitAtMs` or the longest stop.
 */
export type AttemptState =
  | {
      readonly phase: 'preparing';
      readonly stage: 'looking' | 'fetching' | 'spawning';
      readonly stop: PendingStop | null;
    }
  | {
      readonly phase: 'running';
      /** When a script that is done is asked to end; null while it is not done. */
      readonly askAtMs: number | null;
    }
  | ({ readonly phase: 'draining' } & Drain)
  | {
      readonly phase: 'flushing';
      readonly ending: Ending;
      readonly haltAtMs: number | null;
      readonly flushByMs: number;
    }
  | {
      readonly phase: 'reporting';
      readonly ending: Ending;
      readonly flush: FlushResult;
      readonly haltAtMs: number | null;
      readonly reportByMs: number;
    }
  | { readonly phase: 'ended'; readonly ending: Ending; readonly flush: FlushResult };

/**
 * A wish that the workload stops. `haltAtMs` is when the machine is gone (null: it is not going), `graceMs` the time after
 * SIGTERM; null leaves it to the cause: see `isPatient`.
 */
export interface StopRequest {
  readonly cause: StopCause;
  readonly haltAtMs: number | null;
  readonly graceMs: number | null;
}

/** A stop that came while it was not known whether there is a process; it is obeyed as soon as that is. */
export interface PendingStop {
  readonly request: StopRequest;
  readonly giveUpAtMs: number;
}

/** The state of an attempt from SIGTERM on. */
export interface Drain {
  readonly cause: StopCause;
  readonly haltAtMs: number | null;
  /** Infinity when nothing limits the workload's time. */
  readonly killAtMs: number;
  readonly killed: boolean;
  /** What `killAtMs` follows where the workload has the time that its own saving takes; null elsewhere. */
  readonly saving: Saving | null;
}

/** How a workload saves since it was told to stop. Monotonic times. */
export interface Saving extends SavingProgress {
  readonly askedAtMs: number;
  /** The end of its time whatever it writes; Infinity where nothing but the longest stop limits it. */
  readonly limitAtMs: number;
}

/** What is seen of a save. */
export interface SavingProgress {
  /** Whether a process caught SIGTERM when it was told, so that it can save; null where that can't be known. */
  readonly canSave: boolean | null;
  /** Whether a save was begun after SIGTERM. A save that was under way by then is not the one. */
  readonly hasBegun: boolean;
  /** Whether others that may save have not been told yet. */
  readonly othersWait: boolean;
  /** When one that may save was told after the first were; null where none was. */
  readonly toldAtMs: number | null;
  /** When something was written last, since SIGTERM; null where nothing was. */
  readonly lastByteMs: number | null;
  /** When the last look for that began; null before the first. What was written since, nobody has seen. */
  readonly lookedAtMs: number | null;
}

/** How the workload's life ended, before anybody judges it. `exit` is null when that never became known. */
export interface Ending {
  readonly cause: StopCause;
  readonly exit: WorkloadExit | null;
  readonly killed: boolean;
  /** Whether there was a process at all. */
  readonly started: boolean;
  /** Why it could not be prepared or spawned. */
  readonly message: string | null;
}

export interface WorkloadExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** `complete`: every byte that was to be saved is saved; `failed`: tried in vain; `late`: the deadline came first. */
export type FlushResult = 'complete' | 'failed' | 'late';

export type AttemptEvent =
  | { readonly type: 'nothing-running' }
  | { readonly type: 'prepared' }
  | { readonly type: 'preparation-failed'; readonly message: string }
  | { readonly type: 'started' }
  /** A workload that an earlier agent on this machine started; `drain` when that agent had already told it to stop. */
  | { readonly type: 'adopted'; readonly drain: Drain | null }
  | { readonly type: 'spawn-failed'; readonly message: string }
  | { readonly type: 'exited'; readonly exit: WorkloadExit }
  | { readonly type: 'stop'; readonly request: StopRequest }
  /** The script said that it is done, and all that it saved is durable. */
  | { readonly type: 'done' }
  /** What the workload writes while it is being stopped. */
  | { readonly type: 'saving'; readonly progress: SavingProgress }
  /** Bytes of a checkpoint or of the log have gone out since the last one. */
  | { readonly type: 'moved' }
  | { readonly type: 'flushed' }
  | { readonly type: 'flush-failed' }
  | { readonly type: 'reported' }
  | { readonly type: 'tick' };

export type AttemptEffect =
  /** For a workload that an earlier agent on this machine started. */
  | { readonly type: 'adopt' }
  | { readonly type: 'prepare' }
  | { readonly type: 'cancel-preparation' }
  | { readonly type: 'spawn' }
  | { readonly type: 'signal'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** Send `saving` whenever that changes, until the workload has ended. */
  | { readonly type: 'follow-saving' }
  /** Save everything, before the deadline where there is one: then the machine goes away. */
  | { readonly type: 'flush'; readonly ending: Ending; readonly deadlineMs: number | null }
  /** Save no more: the time is over, or another machine holds the lease. */
  | { readonly type: 'give-up-flush' }
  | { readonly type: 'report'; readonly ending: Ending; readonly flush: FlushResult; readonly byMs: number }
  /** Send `tick` at this time. An earlier one is answered by another wake; one too many does no harm. */
  | { readonly type: 'wake'; readonly atMs: number }
  | { readonly type: 'finish'; readonly ending: Ending; readonly flush: FlushResult };

export interface AttemptPolicy {
  /** Kept for saving what the script wrote, out of a window with an end. */
  readonly flushReserveMs: number;
  readonly reportReserveMs: number;
  /** Limits where the machine itself is not going away: of a flush in which nothing moves, and of a report. */
  readonly stalledFlushMs: number;
  readonly unhurriedReportMs: number;
  /** Limits of a stop where nothing presses: see the run's `timing`. */
  readonly helplessStopMs: number;
  readonly firstByteMs: number;
  readonly savingPauseMs: number;
  readonly longestStopMs: number;
  /** A done script is asked to end after the one, and killed the other after that. */
  readonly doneGraceMs: number;
  readonly doneKillMs: number;
  /** A killed process that does not become a known exit is no longer waited for after this. */
  readonly afterKillMs: number;
}

export interface AttemptStep {
  readonly state: AttemptState;
  readonly effects: readonly AttemptEffect[];
}
