import type { AttemptPolicy, Saving, SavingProgress, StopRequest } from './model.ts';

const PATIENT: ReadonlySet<StopRequest['cause']> = new Set(['user-stop', 'budget', 'deadline'] as const);

/** Whether the workload has the time that its saving takes: nothing presses, and nobody said how long it may take. */
export const isPatient = ({ cause, graceMs }: StopRequest): boolean => graceMs === null && PATIENT.has(cause);

export const unseenSave: SavingProgress = {
  canSave: null,
  othersWait: false,
  toldAtMs: null,
  hasBegun: false,
  lastByteMs: null,
  lookedAtMs: null,
};

/** Begins to follow how a workload saves that is told to stop now. It counts as one that can save until it is known. */
export const beginSaving = (askedAtMs: number, limitAtMs: number): Saving => ({
  ...unseenSave,
  askedAtMs,
  limitAtMs,
});

/** Takes in what was seen. That some could save stays true, whatever a later look says. */
export const seenSaving = (saving: Saving, progress: SavingProgress): Saving => ({
  ...saving,
  canSave: saving.canSave === true ? true : (progress.canSave ?? saving.canSave),
  // A look that was under way when they were told may still say that they wait.
  othersWait: progress.othersWait && saving.toldAtMs === null,
  toldAtMs: progress.toldAtMs ?? saving.toldAtMs,
  hasBegun: saving.hasBegun || progress.hasBegun,
  lastByteMs: progress.lastByteMs ?? saving.lastByteMs,
  lookedAtMs: progress.lookedAtMs ?? saving.lookedAtMs,
});

/** Computes when the workload has had its time, should it write nothing from now on. */
export function savingEnd(saving: Saving, policy: AttemptPolicy): number {
  return Math.min(savingLimit(saving, policy), ownEnd(saving, policy));
}

/** Computes when it has had its time whatever it writes. */
export const savingLimit = ({ limitAtMs, askedAtMs }: Saving, policy: Pick<AttemptPolicy, 'longestStopMs'>): number =>
  Math.min(limitAtMs, askedAtMs + policy.longestStopMs);

/**
 * Tells whether the workload may have written in time what no look has shown yet. A look at a large folder takes long, so one
 * that began before the workload's time was over may end after it.
 */
export const awaitsLook = (saving: Saving, policy: AttemptPolicy): boolean =>
  saving.lookedAtMs !== null && saving.lookedAtMs < savingEnd(saving, policy);

function ownEnd({ askedAtMs, canSave, hasBegun, lastByteMs, toldAtMs }: Saving, policy: AttemptPolicy): number {
  const pauseEnd = lastByteMs === null ? Number.NEGATIVE_INFINITY : lastByteMs + policy.savingPauseMs;
  // Whoever writes all the same is not cut off in the middle of it.
  if (canSave === false) return Math.max(pauseEnd, askedAtMs + policy.helplessStopMs);
  // Whoever was told later begins a save of its own.
  const sinceMs = Math.max(askedAtMs, toldAtMs ?? askedAtMs);
  const hasOwnBegun = hasBegun && lastByteMs !== null && lastByteMs >= sinceMs;
  return hasOwnBegun ? pauseEnd : Math.max(pauseEnd, sinceMs + policy.firstByteMs);
}
