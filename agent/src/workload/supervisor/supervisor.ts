import type { WorkloadExit } from '../../lifecycle/model.ts';

/** A command to run. Its environment is complete: nothing of the agent's own is added. */
export interface WorkloadCommand {
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A workload that runs, or has run, on this machine. */
export interface WorkloadProcess {
  readonly pid: number;
  /** Unique to this start on this machine; in the environment of all that it started, as RUNCTL_WORKLOAD. */
  readonly id: string;
}

export interface AdoptedProcess extends WorkloadProcess {
  /** The note that went with SIGTERM; null when it was never told to stop. */
  readonly stopNote: string | null;
  /** Wall time. */
  readonly startedAtMs: number;
}

/** A process that lives on though it was killed. */
export interface Unkillable {
  readonly pid: number;
  readonly command: string;
  /** As proc(5) has it: `D` waits in the kernel, for a disk or a device, and ends when that answers; null where it can't be known. */
  readonly state: string | null;
}

export interface WorkloadEnded extends WorkloadExit {
  /** Processes that the leader left behind. */
  readonly leftovers: number;
  /** Those of them that did not leave by themselves and were ended. */
  readonly outlived: readonly { readonly pid: number; readonly command: string }[];
  /** Those that live on all the same: nothing can end them. */
  readonly unkillable: readonly Unkillable[];
  /**
   * When the last process had ended that could save (wall time), after it was told to stop; null where none was told, or
   * the end of the workload is that time.
   */
  readonly saversEndedAtMs: number | null;
  /** Whether others of the workload were told to stop only after those that can save had ended, so that they went on till then. */
  readonly othersWentOn: boolean;
  /**
   * When it ended, which may be long before anybody learned of it (wall time); null when nobody saw it, or when the wall clock
   * was set while it ran, so that it can't be compared with the times of files.
   */
  readonly endedAtMs: number | null;
  /** Whether the wall clock was set while it ran. */
  readonly clockWasSet: boolean;
}

/** What is known of a workload that runs. */
export interface WorkloadTraits {
  /**
   * Whether a process of it catches SIGTERM, so that it could save at one; null where that can't be known, and where nothing
   * catches it but who trains ignores it.
   */
  readonly catchesTerm: boolean | null;
  /** Whether nothing catches SIGTERM and who trains ignores it: it may save when the preempt file appears. */
  readonly ignoresTerm: boolean;
  /** Whether the machine shows all that it started, whatever that does to hide, or only what was seen in time. */
  readonly containment: 'control-group' | 'best-effort';
  /** The program of the process that SIGTERM would reach first, or of its leader; null where that can't be known. */
  readonly program: string | null;
  /** Why SIGTERM reaches that one first, for people; null where that can't be known. */
  readonly reason: string | null;
}

/** How far a workload has been told to stop. */
export interface StopProgress {
  /** Whether one of the first could save when it was told, whatever it has done with its handler since; null: not known. */
  readonly couldSave: boolean | null;
  /** Whether others that may save live and have not been told yet. */
  readonly othersWait: boolean;
  /** When such a process was told after the first were (monotonic); null where none was. */
  readonly toldAtMs: number | null;
}

export const NOBODY_TOLD: StopProgress = { couldSave: null, othersWait: false, toldAtMs: null };

/**
 * Starts one workload at a time, in a life of its own: an agent that dies does not touch it, and the next agent finds it
 * again. Its end is known from a file that its wrapper writes, so a grandchild that keeps a pipe open blocks nothing.
 */
export interface Supervisor {
  /** Resolves once the process exists and can be adopted. Rejects when nothing was started. */
  start(command: WorkloadCommand): Promise<WorkloadProcess>;
  /**
   * The workload of an earlier agent, running or ended; null when there is none, or it was swept because its start was cut
   * short. Where that agent died in the middle of telling it to stop, the telling is finished.
   */
  adopt(): Promise<AdoptedProcess | null>;
  /**
   * Resolves when the workload's last process is gone: what its leader leaves behind is told to stop, and killed after
   * `leftoverMs` unless a stop is under way. What lives on for long after SIGKILL is waited for no more. Never rejects but
   * with the signal's reason.
   */
  exited(signal: AbortSignal): Promise<WorkloadEnded>;
  /**
   * To all of the workload that should have it. Idempotent over all agents on this machine; a workload that is gone is no
   * error. `note` is what the next agent will find should this one die, from right before the first process is told.
   * Processes that may save besides those who do are told when these have ended, and `withinMs` at the latest; a later call
   * brings that nearer.
   */
  signal(signal: 'SIGTERM' | 'SIGKILL', note?: string, withinMs?: number): Promise<void>;
  /** How far the SIGTERMs to the workload have come. Never throws. */
  stopping(): StopProgress;
  /** The processes of the workload that live; of one that was killed, those that nothing can end. Never throws. */
  survivors(): readonly Unkillable[];
  /** What the workload is like now; null when none runs. Never throws. */
  traits(): WorkloadTraits | null;
  /** Forgets an ended workload, so that the next `adopt` finds nothing. */
  forget(): Promise<void>;
}
