import { earlier, flushTime, killTime, type Moment } from './deadlines.ts';
import { beginDrain, resumeDrain, whileDraining } from './draining.ts';
import { causeAfter, endingOf, fencedMeanwhile } from './endings.ts';
import { flush, giveUpFlush, report, wake } from './flushing.ts';
import type { AttemptEvent, AttemptPolicy, AttemptState, AttemptStep, Drain, StopRequest } from './model.ts';
import { isPatient } from './saving.ts';

export const initialAttempt: AttemptStep = {
  state: { phase: 'preparing', stage: 'looking', stop: null },
  effects: [{ type: 'adopt' }],
};

const RUNNING = { phase: 'running', askAtMs: null } as const;

type In<P extends AttemptState['phase']> = Extract<AttemptState, { phase: P }>;

/** A tick that came too early (timers do) or for a deadline that is not the next one any more: sleep again. */
const wait = (state: AttemptState, untilMs: number): AttemptStep => ({ state, effects: wake(untilMs) });
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
    default:
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
      return request === null ? stay(RUNNING) : beginDrain(request, moment);
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
      if (state.stop === null) return stay(state);
      if (moment.nowMs < state.stop.giveUpAtMs) return wait(state, state.stop.giveUpAtMs);
      return flush({ ...endingOf(state.stop.request.cause), started: false }, state.stop.request.haltAtMs, moment);
    default:
      return stay(state);
  }
}

function adopt(drain: Drain | null, request: StopRequest | null, moment: Moment): AttemptStep {
  if (drain === null) return request === null ? stay(RUNNING) : beginDrain(request, moment);
  return resumeDrain(drain, request, moment);
}

function stopBeforeSpawn(request: StopRequest, moment: Moment): AttemptStep {
  const next = flush({ ...endingOf(request.cause), started: false }, request.haltAtMs, moment);
  return { ...next, effects: [{ type: 'cancel-preparation' }, ...next.effects] };
}

function rememberStop(state: In<'preparing'>, request: StopRequest, moment: Moment): AttemptStep {
  const before = state.stop?.request;
  const merged: StopRequest = {
    cause: causeAfter(before?.cause ?? request.cause, request),
    haltAtMs: earlier(before?.haltAtMs ?? null, request.haltAtMs),
    graceMs: earlier(before?.graceMs ?? null, request.graceMs),
  };
  const giveUpAtMs = Math.min(
    state.stop?.giveUpAtMs ?? Number.POSITIVE_INFINITY,
    killTime(merged, moment),
    // Nobody can save where it is not even known whether anything runs.
    moment.nowMs + (isPatient(merged) ? moment.policy.helplessStopMs : moment.policy.stalledFlushMs),
  );
  return {
    state: { ...state, stop: { request: merged, giveUpAtMs } },
    effects: [{ type: 'wake', atMs: giveUpAtMs }],
  };
}

function whileRunning(state: In<'running'>, event: AttemptEvent, moment: Moment): AttemptStep {
  const { nowMs, policy } = moment;
  const { askAtMs } = state;
  if (event.type === 'stop') {
    // What is done has nothing to save any more.
    const graceMs = askAtMs === null ? event.request.graceMs : askAtMs + policy.doneKillMs - nowMs;
    return beginDrain({ ...event.request, graceMs: earlier(event.request.graceMs, graceMs) }, moment);
  }
  if (event.type === 'done' && askAtMs === null) {
    const atMs = nowMs + policy.doneGraceMs;
    return wait({ ...state, askAtMs: atMs }, atMs);
  }
  if (event.type === 'tick' && askAtMs !== null) {
    if (nowMs < askAtMs) return wait(state, askAtMs);
    return beginDrain({ cause: 'exited', haltAtMs: null, graceMs: policy.doneKillMs }, moment);
  }
  if (event.type === 'exited') return flush({ ...endingOf('exited'), exit: event.exit }, null, moment);
  return stay(state);
}

function whileFlushing(state: In<'flushing'>, event: AttemptEvent, moment: Moment): AttemptStep {
  switch (event.type) {
    case 'flushed':
      return report(state, 'complete', moment);
    case 'flush-failed':
      return report(state, 'failed', moment);
    case 'moved':
      // The tick for the time before finds the new one, and waits for that.
      return state.haltAtMs === null ? stay({ ...state, flushByMs: flushTime(null, moment) }) : stay(state);
    case 'tick':
      return moment.nowMs >= state.flushByMs ? giveUpFlush(state, 'late', moment) : wait(state, state.flushByMs);
    case 'stop': {
      if (event.request.cause === 'fenced') return giveUpFlush(fencedMeanwhile(state), 'failed', moment);
      const haltAtMs = earlier(state.haltAtMs, event.request.haltAtMs);
      const flushByMs = Math.min(state.flushByMs, flushTime(haltAtMs, moment));
      return { state: { ...state, haltAtMs, flushByMs }, effects: [{ type: 'wake', atMs: flushByMs }] };
    }
    case 'started':
    case 'adopted':
      return killStray(state);
    default:
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
  if (event.type !== 'reported' && event.type !== 'tick') return stay(state);
  if (event.type === 'tick' && moment.nowMs < state.reportByMs) return wait(state, state.reportByMs);
  const { ending, flush } = state;
  return { state: { phase: 'ended', ending, flush }, effects: [{ type: 'finish', ending, flush }] };
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
