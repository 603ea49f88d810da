import type { AttemptRecord } from '../run/run-record.ts';
import type { DurableSave } from './checkpoint-trail.ts';
import { savedTooEarly } from './early-save.ts';
import type { LifeProgress, Observation } from './observer.ts';

/** What a life did with the checkpoint that it was given. */
export interface Resumption {
  /** Where the life began, when that lies before its checkpoint. */
  readonly beganAgainAt: number | null;
  /** Its steps prove that it went on from its checkpoint: a life that began anew would have shown lower ones. */
  readonly isSeen: boolean;
}

const UNSEEN: Resumption = { beganAgainAt: null, isSeen: false };

/**
 * Judges a life by the first step that it printed, and by its first checkpoint. A step at or beyond the given checkpoint
 * proves a resumption only where it is higher than what the run's first life showed first: else the script may print or save
 * so rarely that a life which began anew looks the same. Where steps tell nothing, a later first epoch than that of the first
 * life proves it too; an equal one proves nothing, since an epoch may be begun again.
 */
export function resumption(
  life: AttemptRecord | undefined,
  { record, progress, saves }: Pick<Observation, 'record' | 'progress' | 'saves'>,
): Resumption {
  const given = life?.started?.resumedFrom?.step ?? null;
  const first = record.attempts[0];
  if (life === undefined || given === null || first === undefined) return UNSEEN;
  const witnesses = [printedFirst(progress), savedFirst(saves)].map((stepOf) => ({
    step: stepOf(life.generation),
    anew: stepOf(first.generation),
  }));
  const lower = witnesses.flatMap(({ step }) => (step !== null && step < given ? [step] : []));
  if (lower.length > 0) return { beganAgainAt: Math.min(...lower), isSeen: false };
  const [printed] = witnesses;
  const isPrinted =
    printed !== undefined && printed.step !== null && printed.anew !== null && printed.step > printed.anew;
  const isSeen = isPrinted || savedTooEarly(life, first, saves) || laterEpoch(life, first, progress);
  return { beganAgainAt: null, isSeen };
}

function laterEpoch(life: AttemptRecord, first: AttemptRecord, progress: Observation['progress']): boolean {
  const [own, anew] = [life, first].map(({ generation }) => progress.get(generation)?.firstEpoch ?? null);
  return typeof own === 'number' && typeof anew === 'number' && own > anew;
}

const printedFirst =
  (progress: ReadonlyMap<number, LifeProgress>) =>
  (generation: number): number | null =>
    progress.get(generation)?.firstStep ?? null;

const savedFirst =
  (saves: readonly DurableSave[]) =>
  (generation: number): number | null =>
    saves.find((save) => save.generation === generation)?.step ?? null;
