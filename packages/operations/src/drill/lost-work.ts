import type { DurableSave } from './checkpoint-trail.ts';
import type { Interruption } from './measure.ts';
import type { Observation } from './observer.ts';
import { sigtermAtMs } from './save-interval.ts';

/** What is known of all lives of a rehearsed run. */
export type Lives = Pick<Observation, 'record' | 'progress' | 'saves'>;

/** The work that an interruption cost. */
export interface LostWork {
  /** Null where it is unknown. */
  readonly steps: number | null;
  /** Training time between the last durable save and SIGTERM, where it must have lost work; else null. */
  readonly unsavedMs: number | null;
}

interface StepsAtEnd {
  readonly lastStep: number | null;
  readonly durableStep: number | null;
}

/**
 * Counts the steps between the last and the durable one. That there are none is believed only of a life with a new
 * checkpoint, or with so little time since its last save that no whole step fits: a script may print as rarely as it saves.
 */
export function lostWork(interruption: Interruption, lives: Lives, at: StepsAtEnd): LostWork {
  const { generation, kind } = interruption;
  const drain = lives.record.attempts.find((life) => life.generation === generation)?.drain ?? null;
  const steps = countedSteps(interruption, lives, { ...at, isNew: drain?.newCheckpoint === true });
  const unsavedMs = unsavedTime(generation, lives);
  const mustHaveLost = kind === 'notice' && drain?.newCheckpoint === false && unsavedMs > spareMs(generation, lives);
  return mustHaveLost ? { steps: steps === 0 ? null : steps, unsavedMs } : { steps, unsavedMs: null };
}

interface Ends extends StepsAtEnd {
  /** The durable checkpoint was written after SIGTERM. */
  readonly isNew: boolean;
}

function countedSteps(interruption: Interruption, lives: Lives, { lastStep, durableStep, isNew }: Ends): number | null {
  if (lastStep === null) return null;
  // Checkpoints named by epochs can't be subtracted from steps.
  if (!isOneScale(interruption, lives)) return isNew ? 0 : null;
  return Math.max(0, lastStep - (durableStep ?? 0));
}

/** Printed steps that grow this much faster than those of checkpoints are other steps. */
const SAME_SCALE = 3;
const FEWEST_PRINTED = 5;

/** Whether checkpoints count the steps that the script prints, by the speed at which both grow. */
function isOneScale({ generation, atMs }: Interruption, { record, progress, saves }: Lives): boolean {
  const { firstStep, lastStep } = progress.get(generation) ?? { firstStep: null, lastStep: null };
  const ranMs = atMs - startOf(generation, record);
  if (firstStep === null || lastStep === null || lastStep - firstStep < FEWEST_PRINTED) return true;
  const perStepMs = stepTimes(generation, { record, saves });
  if (perStepMs.length === 0 || !(ranMs > 0)) return true;
  return (lastStep - firstStep) / ranMs <= SAME_SCALE / Math.min(...perStepMs);
}

/** From the newest save that is durable, or from the start of the life, to SIGTERM; 0 where either is unknown. */
function unsavedTime(generation: number, { record, saves }: Lives): number {
  const saved = saves.findLast((save) => save.generation <= generation);
  const sinceMs = Math.max(saved?.savedAtMs ?? Number.NEGATIVE_INFINITY, startOf(generation, record));
  const toldAtMs = sigtermAtMs(record, generation);
  return Number.isFinite(toldAtMs) && Number.isFinite(sinceMs) ? Math.max(0, toldAtMs - sinceMs) : 0;
}

const LEAST_SPARE_MS = 250;

/** How long a life may train unsaved before work must be lost: two of its steps, by the steps of its saves. */
function spareMs(generation: number, lives: Lives): number {
  const perStepMs = stepTimes(generation, lives);
  return perStepMs.length === 0 ? Number.POSITIVE_INFINITY : 2 * Math.min(...perStepMs) + LEAST_SPARE_MS;
}

type Dated = Pick<DurableSave, 'savedAtMs' | 'step'>;

/** Milliseconds a step between successive saves of a life, its start counting as the first. */
function stepTimes(generation: number, { record, saves }: Pick<Lives, 'record' | 'saves'>): readonly number[] {
  const given = record.attempts.find((life) => life.generation === generation)?.started?.resumedFrom ?? null;
  const begun: Dated = { savedAtMs: startOf(generation, record), step: given === null ? 0 : given.step };
  const own: readonly Dated[] = saves.filter((save) => save.generation === generation);
  return [begun, ...own].flatMap((save, index, all) => stepTime(all[index - 1], save));
}

function stepTime(before: Dated | undefined, save: Dated): readonly number[] {
  if (before === undefined || before.step === null || save.step === null || save.step <= before.step) return [];
  const perStepMs = (save.savedAtMs - before.savedAtMs) / (save.step - before.step);
  return perStepMs > 0 ? [perStepMs] : [];
}

/** Wall time; not a number where the life never said when it started. */
function startOf(generation: number, { attempts }: Lives['record']): number {
  return Date.parse(attempts.find((life) => life.generation === generation)?.started?.at ?? '');
}
