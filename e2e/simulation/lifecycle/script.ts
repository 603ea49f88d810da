import type { Random } from '../random.ts';

/** How the script of a world's run goes, beside its way of saving. */
export interface ScriptPlan {
  readonly lastStep: number;
  /** Share of steps in which it ends with an error. */
  readonly crashes: number;
  /** Ends with an error in its first step, always. */
  readonly broken: boolean;
  /** Says by the done-marker that it is finished. */
  readonly marksDone: boolean;
  /** Where it tells its step. */
  readonly tells: 'progress-file' | 'log' | 'nothing';
}

/** Of training in all, in true milliseconds. */
const TRAINING_MS = [10_000, 30_000] as const;
const MOST_STEPS = 25;
const FAILURES = [1, 7, 137];

export function scriptPlanOf(random: Random, trainMs: number): ScriptPlan {
  const steps = Math.ceil(random.int(...TRAINING_MS) / trainMs);
  return {
    lastStep: Math.min(MOST_STEPS, Math.max(2, steps)),
    crashes: random.pick([0, 0, 0, 0.03, 0.15]),
    broken: random.chance(0.03),
    marksDone: random.chance(0.5),
    tells: random.pick(['progress-file', 'log', 'log', 'nothing']),
  };
}

/** The code with which it ends in this step, or null. */
export function crashIn(plan: ScriptPlan, random: Random): number | null {
  if (plan.broken) return FAILURES[0] ?? 1;
  return random.chance(plan.crashes) ? random.pick(FAILURES) : null;
}
