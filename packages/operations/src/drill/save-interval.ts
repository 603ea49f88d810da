import type { RunRecord } from '../run/run-record.ts';
import type { DurableSave } from './checkpoint-trail.ts';

/** The shortest distance between two regular saves of one life; null where no life made two. */
export interface SaveInterval {
  readonly steps: number | null;
  readonly ms: number | null;
}

/** The shortest counts, because saves that came too fast were passed over and saves at a stop are left out. */
export function saveInterval(record: Pick<RunRecord, 'attempts'>, saves: readonly DurableSave[]): SaveInterval {
  const regular = saves.filter((save) => save.savedAtMs < sigtermAtMs(record, save.generation));
  const pairs = regular.flatMap((save, index) => {
    const before = regular[index - 1];
    return before?.generation === save.generation ? [{ before, save }] : [];
  });
  const steps = pairs.flatMap(({ before, save }) =>
    before.step === null || save.step === null ? [] : [save.step - before.step],
  );
  return { steps: shortest(steps), ms: shortest(pairs.map(({ before, save }) => save.savedAtMs - before.savedAtMs)) };
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
