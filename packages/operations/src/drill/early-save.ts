import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import type { DurableSave } from './checkpoint-trail.ts';

/** A life from nothing that is quicker than the quickest so far still takes this share of its time. */
const SHORTEST_SHARE = 0.8;

/**
 * Whether a life went on from its checkpoint and yet prints steps that it counts from its own start, as XGBoost's rounds
 * after `xgb_model=…`. Its first save tells: it lies nearer to the given step plus the printed ones than to the printed ones
 * alone, and came sooner than a life from nothing could have made it. `printed` is the last step by then.
 */
export function countsFromItsStart(
  life: AttemptRecord,
  printed: number | null,
  { record, saves }: { readonly record: Pick<RunRecord, 'attempts'>; readonly saves: readonly DurableSave[] },
): boolean {
  const given = life.started?.resumedFrom?.step ?? null;
  const first = record.attempts[0];
  const saved = saves.find((save) => save.generation === life.generation)?.step ?? null;
  if (given === null || first === undefined || saved === null || printed === null) return false;
  return saved > given && printed < saved - given / 2 && savedTooEarly(life, first, saves);
}

/** Saves may be passed over, so a high step proves a resumption only where a life from nothing could not have got there yet. */
export function savedTooEarly(life: AttemptRecord, first: AttemptRecord, saves: readonly DurableSave[]): boolean {
  const startOf = ({ started }: AttemptRecord): number => Date.parse(started?.at ?? '');
  const own = saves.find((save) => save.generation === life.generation);
  const perStepMs = saves
    .filter((save) => save.generation === first.generation && save.step !== null && save.step > 0)
    .map((save) => (save.savedAtMs - startOf(first)) / (save.step ?? 1));
  if (own?.step === undefined || own.step === null || perStepMs.length === 0) return false;
  return own.savedAtMs - startOf(life) < SHORTEST_SHARE * own.step * Math.min(...perStepMs);
}
