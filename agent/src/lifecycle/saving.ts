import type { AttemptPolicy, Saving, SavingProgress, StopRequest } from './model.ts';

const PATIENT: ReadonlySet<StopRequest['cause']> = new Set(['user-stop', 'budget', 'deadline'] as const);

/** Whether the workload has the time that its saving takes: nothing presses, and nobody said how long it may take. */
export const isPatient = ({ cause, graceMs }: StopRequest): boolean => graceMs === null && PATIENT.has(cause);

/** Begins to follow how a workload saves that is told to stop now. It counts as one that can save until it is known. */
export const beginSaving = (askedAtMs: number, limitAtMs: number): Saving => ({
  askedAtMs,
  limitAtMs,
  canSave: null,
  hasBegun: false,
  lastByteMs: null,
});

/** Takes in what was seen. Those who could save may have ended since: that some could stays true. */
export const seenSaving = (saving: Saving, progress: SavingProgress): Saving => ({
  ...saving,
  canSave: saving.canSave === true ? true : (progress.canSave ?? saving.canSave),
  hasBegun: saving.hasBegun || progress.hasBegun,
  lastByteMs: progress.lastByteMs ?? saving.lastByteMs,
});

/** Computes when the workload has had its time, should it write nothing from now on. */
export function savingEnd(saving: Saving, policy: AttemptPolicy): number {
  return Math.min(saving.limitAtMs, saving.askedAtMs + policy.longestStopMs, ownEnd(saving, policy));
}

function ownEnd({ askedAtMs, canSave, hasBegun, lastByteMs }: Saving, policy: AttemptPolicy): number {
  if (canSave === false) return askedAtMs + policy.helplessStopMs;
  const pauseEnd = lastByteMs === null ? Number.NEGATIVE_INFINITY : lastByteMs + policy.savingPauseMs;
  return hasBegun ? pauseEnd : Math.max(pauseEnd, askedAtMs + policy.firstByteMs);
}
