import type { LaunchOutcome, StopCause } from '@runctl/protocol';
import { assertNever } from '@runctl/core';
import type { Ending, WorkloadExit } from '../lifecycle/model.ts';
import type { FailureReason } from './failure-reason.ts';
import { afterCrash, type Crash, type RecoveryPolicy } from './policy.ts';

/** The consequence of how a workload ended. */
export type AttemptVerdict =
  /** On this machine, same generation. */
  | { readonly next: 'restart'; readonly afterMs: number; readonly message: string }
  | {
      readonly next: 'end-launch';
      readonly attempt: 'succeeded' | 'failed' | 'stopped' | 'interrupted';
      readonly launch: LaunchOutcome['status'];
      readonly cause: LaunchOutcome['cause'];
      readonly message: string;
      /** See `LaunchOutcome`. */
      readonly hiddenFailure?: string;
    }
  /** The machine is being taken: a successor goes on. */
  | { readonly next: 'yield'; readonly attempt: 'interrupted'; readonly message: string }
  /** Another holds the lease: leave everything to it. */
  | { readonly next: 'leave'; readonly attempt: 'fenced'; readonly message: string };

export interface Circumstances {
  /** The outcome of the launch says already that it has succeeded: the script was done and everything durable. */
  readonly decided: boolean;
  /** The script wrote its done-marker. */
  readonly done: boolean;
  /** What it saved last and is not durable, for people; null when all of it is. */
  readonly unsaved: string | null;
  /** What it wrote outside of what is kept, for people; null for nothing that matters. */
  readonly elsewhere: string | null;
  /** The words of a failure with which its output ends, though its exit code is 0; null where it ends otherwise. */
  readonly hiddenFailure: string | null;
  /** What became of saves that are no whole checkpoint, for people; null where there are none. */
  readonly unproven: string | null;
  /** Whether the run has a durable checkpoint, or keeps output. */
  readonly isKept: boolean;
  /** It was killed because whoever stopped it gave it no more time. */
  readonly hurried: boolean;
  /** Why the machine goes away, if it does: the script may have ended by itself right before. */
  readonly interruption: 'notice' | 'machine-shutdown' | null;
  /** Why it failed by itself; null where nothing tells. */
  readonly reason: FailureReason | null;
  readonly ranMs: number;
  /** Crashes on this machine before this ending. */
  readonly crashes: readonly Crash[];
  readonly earlierCrashes: number;
  /** Interruptions of this launch before this ending. */
  readonly interruptions: number;
  readonly policy: RecoveryPolicy & { readonly maxInterruptions: number | null };
}

/** The crash that an ending is, or null when it is none. */
export function crashOf(ending: Ending, ranMs: number, reason: FailureReason | null): Crash | null {
  switch (ending.cause) {
    case 'exited':
      if (ending.exit?.code === 0) return null;
      if (reason === null) return { failure: exitText(ending.exit), ranMs };
      return { failure: `${exitText(ending.exit)} (${reason.what})`, ranMs, isHopeless: reason.isHopeless };
    case 'spawn-failed':
    case 'preparation-failed':
      return { failure: `could not start: ${ending.message ?? 'no reason was given'}`, ranMs };
    case 'hang':
      return { failure: 'made no progress and was stopped', ranMs };
    case 'notice':
    case 'machine-shutdown':
    case 'user-stop':
    case 'budget':
    case 'deadline':
    case 'fenced':
      return null;
    default:
      return assertNever(ending.cause);
  }
}

/**
 * A done-marker with everything durable is a success, however the script ends. Exit 0 after our own signal is none without
 * the marker, since many frameworks exit with 0 on SIGTERM. Nor is a finish whose last checkpoint is lost with the machine:
 * a resume goes on from the durable step.
 */
export function verdictOn(ending: Ending, circumstances: Circumstances): AttemptVerdict {
  const verdict = judgeEnding(ending, circumstances);
  const { unsaved } = circumstances;
  if (unsaved === null || (verdict.next !== 'end-launch' && verdict.next !== 'yield')) return verdict;
  return { ...verdict, message: `${verdict.message}; not durable: ${unsaved}` };
}

type Finish = Pick<Circumstances, 'isKept'> & Partial<Pick<Circumstances, 'elsewhere' | 'hiddenFailure' | 'unproven'>>;

/** Says of a finished workload whether that may be wrong, and what became of what it wrote. */
export function finishedText({ isKept, elsewhere = null, hiddenFailure = null, unproven = null }: Finish): string {
  const doubt = hiddenFailure === null ? null : hiddenFailureText(hiddenFailure);
  return ['the workload finished', doubt, unproven, isKept ? elsewhere : lossText(elsewhere, unproven)]
    .filter((part) => part !== null)
    .join('; ');
}

/** The doubt whether an exit code of 0 is the program's own. */
export const hiddenFailureText = (words: string): string =>
  `exit code 0, but its last words are of a failure: ${words} (a pipe hides the exit code of what is before it: set -o pipefail)`;

function succeeded(circumstances: Circumstances): AttemptVerdict {
  const { hiddenFailure } = circumstances;
  return {
    next: 'end-launch',
    attempt: 'succeeded',
    launch: 'succeeded',
    cause: 'exited',
    message: finishedText(circumstances),
    ...(hiddenFailure === null ? {} : { hiddenFailure }),
  };
}

/** What is lost with the machine of a finished script that saved nothing from which another could go on. */
function lossText(elsewhere: string | null, unproven: string | null): string {
  if (unproven !== null) return ['no whole checkpoint was saved', elsewhere].filter((part) => part !== null).join(': ');
  return `nothing was saved: ${elsewhere ?? 'what the script wrote is gone with the machine'}`;
}

function judgeEnding(ending: Ending, circumstances: Circumstances): AttemptVerdict {
  if (ending.cause === 'fenced')
    return { next: 'leave', attempt: 'fenced', message: 'another machine holds the lease of this run' };
  const isDone = circumstances.done && ending.started;
  if ((isDone && circumstances.unsaved === null) || (circumstances.decided && ending.started))
    return succeeded(circumstances);
  const crash = crashOf(ending, circumstances.ranMs, circumstances.reason);
  // A script that was done and had to be ended has not crashed, whatever of it could not be stored.
  const isEnded = isDone && ending.cause === 'exited' && ending.exit?.code !== 0;
  if (crash !== null && !isEnded) return afterCrashVerdict(ending.cause, crash, circumstances);
  const finished = isEnded || (ending.exit?.code === 0 && (ending.cause === 'exited' || circumstances.done));
  if (finished && circumstances.unsaved === null) return succeeded(circumstances);
  // What it saved last goes with the machine: whoever comes next does that part again.
  if (finished && ending.cause === 'exited' && circumstances.interruption !== null)
    return interrupted({ ...ending, cause: circumstances.interruption }, circumstances);
  if (ending.cause === 'notice' || ending.cause === 'machine-shutdown') return interrupted(ending, circumstances);
  return {
    next: 'end-launch',
    attempt: 'stopped',
    launch: 'stopped',
    cause: ending.cause,
    message: finished ? 'the workload finished' : stopText(ending, circumstances),
  };
}

function afterCrashVerdict(cause: StopCause, crash: Crash, circumstances: Circumstances): AttemptVerdict {
  const history = {
    crashes: [...circumstances.crashes, crash],
    earlierCrashes: circumstances.earlierCrashes,
  };
  const { reason } = circumstances;
  const decision = afterCrash(history, circumstances.policy);
  if (decision.kind === 'again') return { next: 'restart', afterMs: decision.afterMs, message: decision.reason };
  return {
    next: 'end-launch',
    attempt: 'failed',
    launch: 'failed',
    cause: cause === 'exited' ? 'crashes' : cause,
    message: reason === null ? decision.reason : `${decision.reason}; ${reason.advice}`,
  };
}

function interrupted(ending: Ending, circumstances: Circumstances): AttemptVerdict {
  const count = circumstances.interruptions + 1;
  const { maxInterruptions } = circumstances.policy;
  const what = ending.cause === 'notice' ? 'EC2 takes the machine back' : 'the machine is shutting down';
  if (maxInterruptions !== null && count > maxInterruptions)
    return {
      next: 'end-launch',
      attempt: 'interrupted',
      launch: 'stopped',
      cause: 'interruptions',
      message: `${what}; interruption ${count}, ${maxInterruptions} allowed`,
    };
  return { next: 'yield', attempt: 'interrupted', message: `${what}; ${afterSignalText(ending, circumstances)}` };
}

function stopText(ending: Ending, circumstances: Circumstances): string {
  const whys: Partial<Record<StopCause, string>> = {
    'user-stop': 'stopped on request',
    budget: 'the budget is spent, or needed for the last save',
    deadline: 'the launch reached the end of its validity',
  };
  return `${whys[ending.cause] ?? ending.cause}; ${afterSignalText(ending, circumstances)}`;
}

function afterSignalText(ending: Ending, { hurried }: Circumstances): string {
  if (!ending.started) return 'the workload had not started';
  if (ending.killed && hurried)
    return `the workload was killed at once, as the stop asked (a second Ctrl-C, or --grace 0)${ending.exit === null ? ', and was not seen to end' : ''}`;
  if (ending.killed && ending.exit === null)
    return 'the workload did not leave in time, and was not seen to end when it was killed';
  if (ending.killed) return 'the workload did not leave in time and was killed';
  return `the workload left with ${exitText(ending.exit)}`;
}

export function exitText(exit: WorkloadExit | null): string {
  if (exit === null) return 'no exit code';
  if (exit.signal !== null) return exit.signal;
  return exit.code === null ? 'no exit code' : `exit code ${exit.code}`;
}
