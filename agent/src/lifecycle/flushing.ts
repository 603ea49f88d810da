import { flushTime, type Moment } from './deadlines.ts';
import type { AttemptEffect, AttemptState, AttemptStep, Ending, FlushResult } from './model.ts';

type Flushing = Extract<AttemptState, { phase: 'flushing' }>;

/** Begins to save what a workload left, before the machine goes away where it does. */
export function flush(ending: Ending, haltAtMs: number | null, moment: Moment): AttemptStep {
  const flushByMs = flushTime(haltAtMs, moment);
  return {
    state: { phase: 'flushing', ending, haltAtMs, flushByMs },
    effects: [
      { type: 'flush', ending, deadlineMs: haltAtMs === null ? null : flushByMs },
      { type: 'wake', atMs: flushByMs },
    ],
  };
}

/** Saves no more, and goes on to the report. */
export function giveUpFlush(state: Flushing, flush: FlushResult, moment: Moment): AttemptStep {
  const next = report(state, flush, moment);
  return { ...next, effects: [{ type: 'give-up-flush' }, ...next.effects] };
}

/** Begins to write down how it all ended. */
export function report(state: Flushing, flush: FlushResult, { nowMs, policy }: Moment): AttemptStep {
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

/** A tick at that time; none for a time that never comes. */
export function wake(atMs: number): readonly AttemptEffect[] {
  return Number.isFinite(atMs) ? [{ type: 'wake', atMs }] : [];
}
