export { exitCodeOfOutcome } from './exit-code.ts';
export { isLiving } from './liveness.ts';
export { resolveRun } from './resolve-run.ts';
export { createRunReader } from './run-reader.ts';
export {
  attemptNumber,
  attemptsOf,
  lastLaunch,
  resumeIgnoredAtStart,
  type AttemptRecord,
  type RunRecord,
} from './run-record.ts';
export { hasEnded, stateOf, type RunState } from './run-state.ts';
export { type StopHabit, stopHabitOf } from './stop-habit.ts';
export { unheardCost, type UnheardCost } from './unheard.ts';
