import { type Clock, type Log, messageOf } from '@runctl/core';
import type { StopBoard } from './stop-board.ts';
import { initialAttempt, step } from '../lifecycle/attempt.ts';
import type {
  AttemptEffect,
  AttemptEvent,
  AttemptPolicy,
  AttemptState,
  Drain,
  Ending,
  FlushResult,
  WorkloadExit,
} from '../lifecycle/model.ts';
import { Inbox } from './inbox.ts';

/** What the effects of an attempt do. A rejection is a failure of that step; none may end the agent. */
export interface AttemptActions {
  /** Finds a workload that runs already, or has ended without anybody noticing; `drain` when it was told to stop. */
  adopt(): Promise<{ readonly adopted: false } | { readonly adopted: true; readonly drain: Drain | null }>;
  /** Everything before the spawn. Stops soon after the signal fires. */
  prepare(signal: AbortSignal): Promise<void>;
  spawn(): Promise<void>;
  exited(signal: AbortSignal): Promise<WorkloadExit>;
  signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Resolves with whether everything is saved. Stops soon after the signal fires. */
  flush(request: FlushRequest, signal: AbortSignal): Promise<boolean>;
  /** How many writes of checkpoints and log the bucket has taken. Only grows. */
  sentWrites(): number;
  report(ending: Ending, flush: FlushResult, signal: AbortSignal): Promise<void>;
  /** After every step that changed the phase, or the deadlines within it, and before its effects. */
  onTransition(before: AttemptState, after: AttemptState): void;
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
  const effects = createEffects(options, { inbox, over: over.signal, preparation, flushing: new AbortController() });
  const unfollow = stops.follow((request) => inbox.push({ type: 'stop', request }));
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

interface Channels {
  readonly inbox: Inbox<AttemptEvent>;
  readonly over: AbortSignal;
  readonly preparation: AbortController;
  readonly flushing: AbortController;
}

/** Movement is looked for this often within the time after which its lack ends a flush. */
const MOVEMENT_LOOKS = 120;

function createEffects(
  { actions, clock, log, policy }: DriverOptions,
  { inbox, over, preparation, flushing }: Channels,
) {
  const tell = (event: AttemptEvent): void => inbox.push(event);
  const until = (byMs: number): { signal: AbortSignal; done: () => void } => {
    const late = new AbortController();
    const waiting = new AbortController();
    clock.sleep(byMs - clock.monotonicMs(), waiting.signal).then(
      () => late.abort(new Error('the deadline came first')),
      () => {},
    );
    return { signal: AbortSignal.any([late.signal, over]), done: () => waiting.abort() };
  };
  const watch = (): void => {
    actions.exited(over).then(
      (exit) => tell({ type: 'exited', exit }),
      (error: unknown) => {
        if (over.aborted) return;
        log.error({ error: messageOf(error) }, 'the workload could not be watched');
        tell({ type: 'exited', exit: { code: null, signal: null } });
      },
    );
  };
  const adopt = async (): Promise<void> => {
    const found = await actions.adopt();
    if (!found.adopted) return tell({ type: 'nothing-running' });
    tell({ type: 'adopted', drain: found.drain });
    watch();
  };
  const prepare = async (): Promise<void> => {
    await actions.prepare(preparation.signal);
    tell({ type: 'prepared' });
  };
  const spawn = async (): Promise<void> => {
    await actions.spawn();
    tell({ type: 'started' });
    watch();
  };
  const flush = async (request: FlushRequest): Promise<void> => {
    const ended = new AbortController();
    const signal = AbortSignal.any([flushing.signal, over]);
    tellMovement(AbortSignal.any([signal, ended.signal])).catch(() => {});
    const complete = await actions.flush(request, signal).finally(() => ended.abort());
    tell({ type: complete ? 'flushed' : 'flush-failed' });
  };
  /** Rejects when the signal fires. */
  const tellMovement = async (signal: AbortSignal): Promise<never> => {
    for (let before = actions.sentWrites(); ; before = actions.sentWrites()) {
      await clock.sleep(policy.stalledFlushMs / MOVEMENT_LOOKS, signal);
      if (actions.sentWrites() !== before) tell({ type: 'moved' });
    }
  };
  const report = async (effect: Extract<AttemptEffect, { type: 'report' }>): Promise<void> => {
    const { signal, done } = until(effect.byMs);
    await actions.report(effect.ending, effect.flush, signal).finally(done);
    tell({ type: 'reported' });
  };
  const failing = (what: string, event: (message: string) => AttemptEvent | null) => (error: unknown) => {
    const message = messageOf(error);
    if (!over.aborted) log.warn({ error: message }, `${what} failed`);
    const told = event(message);
    if (told !== null) tell(told);
  };

  const perform = (effect: AttemptEffect): void => {
    switch (effect.type) {
      case 'look':
        adopt().catch(failing('looking for a workload', (message) => ({ type: 'preparation-failed', message })));
        return;
      case 'prepare':
        prepare().catch(
          failing('preparing', (message) =>
            preparation.signal.aborted ? null : { type: 'preparation-failed', message },
          ),
        );
        return;
      case 'cancel-preparation':
        return preparation.abort(new Error('stopped before the start'));
      case 'spawn':
        spawn().catch(failing('starting the workload', (message) => ({ type: 'spawn-failed', message })));
        return;
      case 'signal':
        log.info({ signal: effect.signal }, 'to the workload');
        actions.signal(effect.signal).catch(failing(effect.signal, () => null));
        return;
      case 'flush':
        flush(effect).catch(failing('saving', () => ({ type: 'flush-failed' })));
        return;
      case 'give-up-flush':
        return flushing.abort(new Error('the time for saving is over'));
      case 'report':
        report(effect).catch(failing('reporting', () => ({ type: 'reported' })));
        return;
      case 'wake':
        clock.sleep(effect.atMs - clock.monotonicMs(), over).then(
          () => tell({ type: 'tick' }),
          () => {},
        );
        return;
      case 'finish':
        return;
    }
  };
  return { perform };
}
