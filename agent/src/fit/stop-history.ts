import type { AttemptDrained, AttemptOutcome, AttemptStatus, DrainReport } from '@runctl/protocol';
import type { EarlierStop } from './observations.ts';

/** What an earlier life left behind, as far as it bears on how its stop went. */
export interface EarlierLife {
  readonly status: AttemptStatus | null;
  readonly outcome: AttemptOutcome | null;
  readonly drained: AttemptDrained | null;
}

export interface StopHistory {
  /** Newest first. */
  readonly stops: readonly EarlierStop[];
  readonly ranMs: number;
}

/** Whether nobody asked for the stop. */
const isUnasked = (cause: string): boolean => cause === 'notice' || cause === 'machine-shutdown';

/** How earlier lives of the run were stopped, newest first. A life that ended without a word saved nothing at its end. */
export async function stopHistory(lives: AsyncIterable<EarlierLife>): Promise<StopHistory> {
  const stops: EarlierStop[] = [];
  let ranMs = 0;
  for await (const life of lives) {
    ranMs += ranFor(life);
    const stop = stopOf(life);
    if (stop !== null) stops.push(stop);
  }
  return { stops, ranMs };
}

function stopOf({ status, outcome, drained }: EarlierLife): EarlierStop | null {
  const drain = drained?.drain ?? null;
  if (drain !== null)
    return {
      interruption: isUnasked(drain.cause),
      saveMs: hasSaved(drain) ? savesLastedMs(drain) : null,
      killed: drain.killed,
      uploadMs: drain.flushMs,
      saved: drain.newCheckpoint && drain.notDurable.length === 0,
    };
  const vanished = outcome === null && status !== null && status.step !== null;
  return vanished ? { interruption: true, saveMs: null, killed: false, uploadMs: null, saved: false } : null;
}

/** A stop at which nothing was saved measures no save. One that was cut off is a lower bound of one. */
function hasSaved({ newCheckpoint, notDurable, killed }: DrainReport): boolean {
  return newCheckpoint || notDurable.length > 0 || killed;
}

/** Where a shell dies at once, its children still write: the save ends with the last byte. */
function savesLastedMs({ sigtermToExitMs, sigtermToLastWriteMs }: DrainReport): number | null {
  return sigtermToExitMs === null ? null : Math.max(sigtermToExitMs, sigtermToLastWriteMs ?? 0);
}

function ranFor({ status, outcome }: EarlierLife): number {
  if (outcome !== null) return outcome.ranMs;
  if (status === null || status.phase !== 'running') return 0;
  return Math.max(0, Date.parse(status.at) - Date.parse(status.phaseSince));
}
