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
 *                                                    flushed | flush-failed | deadline ──▶ │
 *                                                                                       reporting
 *                                                            reported | deadline ──▶ ended
 *
 * Deadlines are data, counted back from `haltAtMs`: report by it, flush by `haltAtMs − report`, kill by
 * `haltAtMs − report − flush`. A later stop can only bring them nearer; the first cause stays.
 */
export type AttemptState =
  | {
      readonly phase: 'preparing';
      readonly stage: 'looking' | 'fetching' | 'spawning';
      readonly stop: PendingStop | null;
    }
  | { readonly phase: 'running' }
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

/** A wish that the workload stops. `haltAtMs` is when the machine is gone (null: it is not going), `graceMs` the time after SIGTERM. */
export interface StopRequest {
  readonly cause: StopCause;
  readonly haltAtMs: number | null;
  readonly graceMs: number | null;
}

/** A stop that came while it was not known whether there is a process; it is obeyed as soon as that is. */
interface PendingStop {
  readonly request: StopRequest;
  readonly giveUpAtMs: number;
}

/** From SIGTERM on. */
export interface Drain {
  readonly cause: StopCause;
  readonly haltAtMs: number | null;
  /** Infinity when nothing limits the workload's time. */
  readonly killAtMs: number;
  readonly killed: boolean;
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
  | { readonly type: 'flushed' }
  | { readonly type: 'flush-failed' }
  | { readonly type: 'reported' }
  | { readonly type: 'tick' };

export type AttemptEffect =
  /** For a workload that an earlier agent on this machine started. */
  | { readonly type: 'look' }
  | { readonly type: 'prepare' }
  | { readonly type: 'cancel-preparation' }
  | { readonly type: 'spawn' }
  | { readonly type: 'signal'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** Save everything. `hurried`: the machine goes away, `byMs` is real. */
  | { readonly type: 'flush'; readonly ending: Ending; readonly byMs: number; readonly hurried: boolean }
  | { readonly type: 'report'; readonly ending: Ending; readonly flush: FlushResult; readonly byMs: number }
  /** Send `tick` at this time. An earlier one, or one too many, does no harm. */
  | { readonly type: 'wake'; readonly atMs: number }
  | { readonly type: 'finish'; readonly ending: Ending; readonly flush: FlushResult };

export interface AttemptPolicy {
  /** Kept for saving what the script wrote, out of a window with an end. */
  readonly flushReserveMs: number;
  readonly reportReserveMs: number;
  /** Limits where the machine itself is not going away. */
  readonly unhurriedFlushMs: number;
  readonly unhurriedReportMs: number;
  /** A killed process that does not become a known exit is no longer waited for after this. */
  readonly afterKillMs: number;
}

export interface AttemptStep {
  readonly state: AttemptState;
  readonly effects: readonly AttemptEffect[];
}

export const initialAttempt: AttemptStep = {
  state: { phase: 'preparing', stage: 'looking', stop: null },
  effects: [{ type: 'look' }],
};

type In<P extends AttemptState['phase']> = Extract<AttemptState, { phase: P }>;

interface Moment {
  readonly nowMs: number;
  readonly policy: AttemptPolicy;
}

const stay = (state: AttemptState): AttemptStep => ({ state, effects: [] });

export function step(state: AttemptState, event: AttemptEvent, nowMs: number, policy: AttemptPolicy): AttemptStep {
  const moment = { nowMs, policy };
  switch (state.phase) {
    case 'preparing':
      return whilePreparing(state, event, moment);
    case 'running':
      return whileRunning(state, event, moment);
    case 'draining':
      return whileDraining(state, event, moment);
    case 'flushing':
      return whileFlushing(state, event, moment);
    case 'reporting':
      return whileReporting(state, event, moment);
    case 'ended':
      return event.type === 'started' || event.type === 'adopted' ? killStray(state) : stay(state);
  }
}

function whilePreparing(state: In<'preparing'>, event: AttemptEvent, moment: Moment): AttemptStep {
  const request = state.stop?.request ?? null;
  switch (event.type) {
    case 'nothing-running':
      if (state.stage !== 'looking') return stay(state);
      if (request !== null) return stopBeforeSpawn(request, moment);
      return { state: { ...state, stage: 'fetching' }, effects: [{ type: 'prepare' }] };
    case 'prepared':
      if (state.stage !== 'fetching') return stay(state);
      return { state: { ...state, stage: 'spawning' }, effects: [{ type: 'spawn' }] };
    case 'started':
      if (state.stage !== 'spawning') return stay(state);
      return request === null ? stay({ phase: 'running' }) : beginDrain(request, moment);
    case 'adopted':
      return state.stage === 'looking' ? adopt(event.drain, request, moment) : stay(state);
    case 'preparation-failed':
    case 'spawn-failed': {
      const ending = { ...endingOf(request?.cause ?? 'spawn-failed'), started: false, message: event.message };
      return flush(ending, request?.haltAtMs ?? null, moment);
    }
    case 'stop':
      return state.stage === 'fetching'
        ? stopBeforeSpawn(event.request, moment)
        : rememberStop(state, event.request, moment);
    case 'tick':
      if (state.stop === null || moment.nowMs < state.stop.giveUpAtMs) return stay(state);
      return flush({ ...endingOf(state.stop.request.cause), started: false }, state.stop.request.haltAtMs, moment);
    case 'exited':
    case 'flushed':
    case 'flush-failed':
    case 'reported':
      return stay(state);
  }
}

function adopt(drain: Drain | null, request: StopRequest | null, moment: Moment): AttemptStep {
  if (drain === null) return request === null ? stay({ phase: 'running' }) : beginDrain(request, moment);
  // The earlier agent sent SIGTERM already: a second one would look like impatience to the script.
  const state = { phase: 'draining', ...drain } as const;
  if (request !== null) return tighten(state, request, moment);
  return { state, effects: wake(drain.killed ? giveUpTime(drain, moment) : drain.killAtMs) };
}

function stopBeforeSpawn(request: StopRequest, moment: Moment): AttemptStep {
  const next = flush({ ...endingOf(request.cause), started: false }, request.haltAtMs, moment);
  return { ...next, effects: [{ type: 'cancel-preparation' }, ...next.effects] };
}

function rememberStop(state: In<'preparing'>, request: StopRequest, moment: Moment): AttemptStep {
  const before = state.stop?.request;
  const merged: StopRequest = {
    cause: before?.cause ?? request.cause,
    haltAtMs: earlier(before?.haltAtMs ?? null, request.haltAtMs),
    graceMs: earlier(before?.graceMs ?? null, request.graceMs),
  };
  const giveUpAtMs = Math.min(
    state.stop?.giveUpAtMs ?? Number.POSITIVE_INFINITY,
    killTime(merged, moment),
    moment.nowMs + moment.policy.unhurriedFlushMs,
  );
  return {
    state: { ...state, stop: { request: merged, giveUpAtMs } },
    effects: [{ type: 'wake', atMs: giveUpAtMs }],
  };
}

function whileRunning(state: In<'running'>, event: AttemptEvent, moment: Moment): AttemptStep {
  if (event.type === 'stop') return beginDrain(event.request, moment);
  if (event.type === 'exited') return flush({ ...endingOf('exited'), exit: event.exit }, null, moment);
  return stay(state);
}

function whileDraining(state: In<'draining'>, event: AttemptEvent, moment: Moment): AttemptStep {
  if (event.type === 'stop') return tighten(state, event.request, moment);
  const ending = { ...endingOf(state.cause), killed: state.killed };
  if (event.type === 'exited') return flush({ ...ending, exit: event.exit }, state.haltAtMs, moment);
  if (event.type !== 'tick') return stay(state);
  if (!state.killed && moment.nowMs >= state.killAtMs) return kill(state, moment);
  if (state.killed && moment.nowMs >= giveUpTime(state, moment)) return flush(ending, state.haltAtMs, moment);
  return stay(state);
}

function whileFlushing(state: In<'flushing'>, event: AttemptEvent, moment: Moment): AttemptStep {
  switch (event.type) {
    case 'flushed':
      return report(state, 'complete', moment);
    case 'flush-failed':
      return report(state, 'failed', moment);
    case 'tick':
      return moment.nowMs >= state.flushByMs ? report(state, 'late', moment) : stay(state);
    case 'stop': {
      const haltAtMs = earlier(state.haltAtMs, event.request.haltAtMs);
      const flushByMs = Math.min(state.flushByMs, flushTime(haltAtMs, moment));
      return { state: { ...state, haltAtMs, flushByMs }, effects: [{ type: 'wake', atMs: flushByMs }] };
    }
    case 'started':
    case 'adopted':
      return killStray(state);
    case 'nothing-running':
    case 'prepared':
    case 'preparation-failed':
    case 'spawn-failed':
    case 'exited':
    case 'reported':
      return stay(state);
  }
}

function whileReporting(state: In<'reporting'>, event: AttemptEvent, moment: Moment): AttemptStep {
  if (event.type === 'started' || event.type === 'adopted') return killStray(state);
  if (event.type === 'stop') {
    const haltAtMs = earlier(state.haltAtMs, event.request.haltAtMs);
    const reportByMs = Math.min(state.reportByMs, haltAtMs ?? Number.POSITIVE_INFINITY);
    return { state: { ...state, haltAtMs, reportByMs }, effects: [{ type: 'wake', atMs: reportByMs }] };
  }
  const over = event.type === 'reported' || (event.type === 'tick' && moment.nowMs >= state.reportByMs);
  if (!over) return stay(state);
  const { ending, flush } = state;
  return { state: { phase: 'ended', ending, flush }, effects: [{ type: 'finish', ending, flush }] };
}

const endingOf = (cause: StopCause): Ending => ({ cause, exit: null, killed: false, started: true, message: null });

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** Out of a short window the reserves take only a share, so that the workload is left the greater part. */
function reserves(
  haltAtMs: number,
  { nowMs, policy }: Moment,
): { readonly flushMs: number; readonly reportMs: number } {
  const windowMs = Math.max(0, haltAtMs - nowMs);
  return {
    flushMs: Math.min(policy.flushReserveMs, windowMs / 4),
    reportMs: Math.min(policy.reportReserveMs, windowMs / 8),
  };
}

function killTime(request: StopRequest, moment: Moment): number {
  const graceEnd = request.graceMs === null ? Number.POSITIVE_INFINITY : moment.nowMs + request.graceMs;
  if (request.haltAtMs === null) return graceEnd;
  const { flushMs, reportMs } = reserves(request.haltAtMs, moment);
  return Math.max(moment.nowMs, Math.min(graceEnd, request.haltAtMs - flushMs - reportMs));
}

function flushTime(haltAtMs: number | null, moment: Moment): number {
  if (haltAtMs === null) return moment.nowMs + moment.policy.unhurriedFlushMs;
  return Math.max(moment.nowMs, haltAtMs - reserves(haltAtMs, moment).reportMs);
}

/** A process that survives SIGKILL (it hangs in the kernel) may not eat the time in which its files could be saved. */
function giveUpTime(state: Drain, { policy }: Moment): number {
  const waited = state.killAtMs + policy.afterKillMs;
  return state.haltAtMs === null ? waited : Math.min(waited, (state.killAtMs + state.haltAtMs) / 2);
}

function beginDrain(request: StopRequest, moment: Moment): AttemptStep {
  const killAtMs = killTime(request, moment);
  const drain: Drain = { cause: request.cause, haltAtMs: request.haltAtMs, killAtMs, killed: false };
  return {
    state: { phase: 'draining', ...drain },
    effects: [{ type: 'signal', signal: 'SIGTERM' }, ...wake(killAtMs)],
  };
}

function tighten(state: In<'draining'>, request: StopRequest, moment: Moment): AttemptStep {
  const haltAtMs = earlier(state.haltAtMs, request.haltAtMs);
  const killAtMs = state.killed ? state.killAtMs : Math.min(state.killAtMs, killTime({ ...request, haltAtMs }, moment));
  const next = { ...state, haltAtMs, killAtMs };
  return { state: next, effects: wake(state.killed ? giveUpTime(next, moment) : killAtMs) };
}

function kill(state: In<'draining'>, moment: Moment): AttemptStep {
  const next = { ...state, killed: true, killAtMs: moment.nowMs };
  return {
    state: next,
    effects: [
      { type: 'signal', signal: 'SIGKILL' },
      { type: 'wake', atMs: giveUpTime(next, moment) },
    ],
  };
}

/** A spawn (or a look) answered after it had been given up: what runs may not outlive the attempt. */
function killStray(state: In<'flushing'> | In<'reporting'> | In<'ended'>): AttemptStep {
  if (state.ending.started) return stay(state);
  return {
    state: { ...state, ending: { ...state.ending, started: true, killed: true } },
    effects: [
      { type: 'signal', signal: 'SIGTERM' },
      { type: 'signal', signal: 'SIGKILL' },
    ],
  };
}

function flush(ending: Ending, haltAtMs: number | null, moment: Moment): AttemptStep {
  const flushByMs = flushTime(haltAtMs, moment);
  return {
    state: { phase: 'flushing', ending, haltAtMs, flushByMs },
    effects: [
      { type: 'flush', ending, byMs: flushByMs, hurried: haltAtMs !== null },
      { type: 'wake', atMs: flushByMs },
    ],
  };
}

function report(state: In<'flushing'>, flush: FlushResult, { nowMs, policy }: Moment): AttemptStep {
  const { ending, haltAtMs } = state;
  const reportByMs = Math.max(nowMs, haltAtMs ?? nowMs + policy.unhurriedReportMs);
  return {
    state: { phase: 'reporting', ending, flush, haltAtMs, reportByMs },
    effects: [
      { type: 'report', ending, flush, byMs: reportByMs },
      { type: 'wake', atMs: reportByMs },
    ],
  };
}

function wake(atMs: number): readonly AttemptEffect[] {
  return Number.isFinite(atMs) ? [{ type: 'wake', atMs }] : [];
}
