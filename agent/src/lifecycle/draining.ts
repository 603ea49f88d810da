import { earlier, giveUpTime, killTime, type Moment } from './deadlines.ts';
import { causeAfter, endingOf } from './endings.ts';
import { flush, wake } from './flushing.ts';
import type { AttemptEvent, AttemptState, AttemptStep, Drain, SavingProgress, StopRequest } from './model.ts';
import { awaitsLook, beginSaving, isPatient, savingEnd, savingLimit, seenSaving } from './saving.ts';

type Draining = Extract<AttemptState, { phase: 'draining' }>;

/** Tells the workload to stop, and gives it the time that the request leaves it. */
export function beginDrain(request: StopRequest, moment: Moment): AttemptStep {
  const { cause, haltAtMs } = request;
  const limitAtMs = killTime(request, moment);
  const saving = isPatient(request) ? beginSaving(moment.nowMs, limitAtMs) : null;
  const killAtMs = saving === null ? limitAtMs : savingEnd(saving, moment.policy);
  return {
    state: { phase: 'draining', cause, haltAtMs, killAtMs, killed: false, saving },
    effects: [
      { type: 'signal', signal: 'SIGTERM' },
      ...wake(killAtMs),
      ...(saving === null ? [] : [{ type: 'follow-saving' } as const]),
    ],
  };
}

/** Goes on with a drain that an earlier agent began: a second SIGTERM would look like impatience to the script. */
export function resumeDrain(drain: Drain, request: StopRequest | null, moment: Moment): AttemptStep {
  const { saving } = drain;
  const isFollowed = saving !== null && !drain.killed;
  const killAtMs = isFollowed ? savingEnd(saving, moment.policy) : drain.killAtMs;
  const state = { phase: 'draining', ...drain, killAtMs } as const;
  const next = request === null ? { state, effects: wake(nextTime(state, moment)) } : tighten(state, request, moment);
  return isFollowed ? { ...next, effects: [...next.effects, { type: 'follow-saving' }] } : next;
}

/** Answers an event while the workload is being stopped. */
export function whileDraining(state: Draining, event: AttemptEvent, moment: Moment): AttemptStep {
  if (event.type === 'stop') return tighten(state, event.request, moment);
  const ending = { ...endingOf(state.cause), killed: state.killed };
  if (event.type === 'exited') return flush({ ...ending, exit: event.exit }, state.haltAtMs, moment);
  if (event.type === 'saving') return follow(state, event.progress, moment);
  if (event.type !== 'tick') return { state, effects: [] };
  const atMs = nextTime(state, moment);
  if (moment.nowMs < atMs) return { state, effects: wake(atMs) };
  const undecidedUntilMs = state.killed ? null : undecidedUntil(state.saving, moment);
  if (undecidedUntilMs !== null) return { state, effects: wake(undecidedUntilMs) };
  return state.killed ? flush(ending, state.haltAtMs, moment) : end(state, moment);
}

/** When the workload is killed, or given up where it was. */
const nextTime = (state: Draining, moment: Moment): number =>
  state.killed ? giveUpTime(state, moment) : state.killAtMs;

/**
 * Computes until when a workload whose time seems to be over is left alone, in case a look still shows that it writes. A look
 * may also show before then that it does not. Null where the time is over.
 */
function undecidedUntil(saving: Draining['saving'], { nowMs, policy }: Moment): number | null {
  if (saving === null || !awaitsLook(saving, policy)) return null;
  const limitMs = savingLimit(saving, policy);
  return nowMs < limitMs ? limitMs : null;
}

function tighten(state: Draining, request: StopRequest, moment: Moment): AttemptStep {
  const haltAtMs = earlier(state.haltAtMs, request.haltAtMs);
  const cause = causeAfter(state.cause, request);
  const limitAtMs = killTime({ ...request, haltAtMs }, moment);
  const saving =
    state.saving === null ? null : { ...state.saving, limitAtMs: Math.min(state.saving.limitAtMs, limitAtMs) };
  const killAtMs = state.killed ? state.killAtMs : Math.min(state.killAtMs, limitAtMs);
  const next = { ...state, cause, haltAtMs, killAtMs, saving };
  return { state: next, effects: wake(nextTime(next, moment)) };
}

/** Each byte that is written puts the end off. The tick for the time before finds the new one, and waits for that. */
function follow(state: Draining, progress: SavingProgress, { nowMs, policy }: Moment): AttemptStep {
  if (state.saving === null || state.killed) return { state, effects: [] };
  const saving = seenSaving(state.saving, progress);
  const killAtMs = Math.max(nowMs, savingEnd(saving, policy));
  // The tick for a time that is past has found that a look is still to come.
  const isUnannounced = killAtMs < state.killAtMs || state.killAtMs <= nowMs;
  return { state: { ...state, saving, killAtMs }, effects: isUnannounced ? wake(killAtMs) : [] };
}

/** Nobody is killed who was never told: those who wait to be told get the time of a save of their own first. */
function end(state: Draining, moment: Moment): AttemptStep {
  const { nowMs, policy } = moment;
  if (state.saving?.othersWait !== true || nowMs >= savingLimit(state.saving, policy)) return kill(state, moment);
  const saving = { ...state.saving, othersWait: false, toldAtMs: nowMs };
  const killAtMs = savingEnd(saving, policy);
  return { state: { ...state, saving, killAtMs }, effects: wake(killAtMs) };
}

function kill(state: Draining, moment: Moment): AttemptStep {
  const next = { ...state, killed: true, killAtMs: moment.nowMs };
  return {
    state: next,
    effects: [
      { type: 'signal', signal: 'SIGKILL' },
      { type: 'wake', atMs: giveUpTime(next, moment) },
    ],
  };
}
