import type { Clock, Log } from '@runctl/core';
import type { StopBoard } from './stop-board.ts';
import { initialAttempt, step } from '../lifecycle/attempt.ts';
import type {
  AttemptEvent,
  AttemptPolicy,
  AttemptState,
  Drain,
  Ending,
  FlushResult,
  SavingProgress,
  WorkloadExit,
} from '../lifecycle/model.ts';
import { AttemptEffects } from './attempt-effects.ts';
import { Inbox } from './inbox.ts';

/** Does what the effects of an attempt ask for. A rejection is a failure of that step; none may end the agent. */
export interface AttemptActions {
  /** Finds a workload that runs already, or has ended without anybody noticing; `drain` when it was told to stop. */
  adopt(): Promise<{ readonly adopted: false } | { readonly adopted: true; readonly drain: Drain | null }>;
  /** Everything before the spawn. Stops soon after the signal fires. */
  prepare(signal: AbortSignal): Promise<void>;
  spawn(): Promise<void>;
  exited(signal: AbortSignal): Promise<WorkloadExit>;
  /** Resolves when the script says that it is done and all that it saved is durable. Rejects with a signal's reason only. */
  done(watch: DoneSignals): Promise<void>;
  signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Calls back with what the workload writes since it was told to stop. Rejects with the signal's reason only. */
  followSaving(onProgress: (progress: SavingProgress) => void, signal: AbortSignal): Promise<void>;
  /** Resolves with whether everything is saved. Stops soon after the signal fires. */
  flush(request: FlushRequest, signal: AbortSignal): Promise<boolean>;
  /** How many writes of checkpoints and log the bucket has taken. Only grows. */
  sentWrites(): number;
  report(ending: Ending, flush: FlushResult, signal: AbortSignal): Promise<void>;
  /** After every step that changed the phase, or the deadlines within it, and before its effects. */
  onTransition(before: AttemptState, after: AttemptState): void;
}

export interface DoneSignals {
  /** Fires before the workload is told to stop: what it, or a shell around it, says from then on is not believed here. */
  readonly stopped: AbortSignal;
  /** Fires when the attempt is over. */
  readonly over: AbortSignal;
}

export interface FlushRequest {
  readonly ending: Ending;
  /** Monotonic, when the machine goes away; null while it stays: then the signal fires when nothing moved for too long. */
  readonly deadlineMs: number | null;
}

export interface DriverOptions {
  readonly actions: AttemptActions;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: AttemptPolicy;
  readonly stops: StopBoard;
  /** Ends the driving at once, and nothing else: the workload goes on. */
  readonly signal: AbortSignal;
}

/** Lives one attempt to its end: one inbox, one writer of the state; effects are started and answer with events. */
export async function driveAttempt(options: DriverOptions): Promise<{ ending: Ending; flush: FlushResult }> {
  const { actions, clock, log, policy, stops } = options;
  const inbox = new Inbox<AttemptEvent>();
  const over = new AbortController();
  const preparation = new AbortController();
  const effects = new AttemptEffects({ actions, clock, log, policy }, { inbox, over: over.signal, preparation });
  const unfollow = stops.follow((request) => {
    effects.disbelieve();
    inbox.push({ type: 'stop', request });
  });
  let state = initialAttempt.state;
  for (const effect of initialAttempt.effects) effects.perform(effect);
  try {
    while (state.phase !== 'ended') {
      const event = await inbox.next(options.signal);
      const next = step(state, event, clock.monotonicMs(), policy);
      const before = state;
      state = next.state;
      if (before.phase !== state.phase) log.info({ event: event.type, from: before.phase, to: state.phase }, 'attempt');
      if (before !== state) actions.onTransition(before, state);
      for (const effect of next.effects) effects.perform(effect);
    }
    return { ending: state.ending, flush: state.flush };
  } finally {
    unfollow();
    preparation.abort();
    over.abort();
  }
}
