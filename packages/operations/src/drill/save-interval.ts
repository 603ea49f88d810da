import type { RunRecord } from '../run/run-record.ts';
import type { DurableSave } from './checkpoint-trail.ts';

/** The shortest distance between two regular saves of one life; null where no life showed one. */
export interface SaveInterval {
  readonly steps: number | null;
  readonly ms: number | null;
}

type Dated = Pick<DurableSave, 'generation' | 'step' | 'savedAtMs'>;

/**
 * The shortest distance counts, because saves that came too fast were passed over; saves at a stop are left out. For steps
 * the start of a life from nothing counts as its first save.
 */
export function saveInterval(record: Pick<RunRecord, 'attempts'>, saves: readonly DurableSave[]): SaveInterval {
  const regular = saves.filter((save) => save.savedAtMs < sigtermAtMs(record, save.generation));
  const starts = record.attempts.flatMap(({ generation, started }): readonly Dated[] =>
    started?.resumedFrom === null ? [{ generation, step: 0, savedAtMs: Date.parse(started.at) }] : [],
  );
  const steps = neighbours([...starts, ...regular]).flatMap(([before, save]) =>
    before.step === null || save.step === null ? [] : [save.step - before.step],
  );
  const times = neighbours(regular).map(([before, save]) => save.savedAtMs - before.savedAtMs);
  return { steps: shortest(steps), ms: shortest(times) };
}

/** Each save of a life with the one before it. */
function neighbours(saves: readonly Dated[]): readonly (readonly [Dated, Dated])[] {
  const dated = saves.toSorted((a, b) => a.generation - b.generation || a.savedAtMs - b.savedAtMs);
  return dated.flatMap((save, index) => {
    const before = dated[index - 1];
    return before?.generation === save.generation ? [[before, save] as const] : [];
  });
}

/** Wall time at which a life was told to stop; infinite where it was not. */
export function sigtermAtMs({ attempts }: Pick<RunRecord, 'attempts'>, generation: number): number {
  const life = attempts.find((attempt) => attempt.generation === generation);
  const seenAtMs = Date.parse(life?.notice?.at ?? '');
  return Number.isNaN(seenAtMs) ? Number.POSITIVE_INFINITY : seenAtMs + (life?.drain?.noticeToSigtermMs ?? 0);
}

function shortest(distances: readonly number[]): number | null {
  const forward = distances.filter((distance) => distance > 0);
  return forward.length === 0 ? null : Math.min(...forward);
}
