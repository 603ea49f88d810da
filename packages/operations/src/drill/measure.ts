import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import type { LifeProgress } from './observer.ts';

export interface Interruption {
  readonly kind: 'notice' | 'no-notice';
  /** The life that was interrupted. */
  readonly generation: number;
  /** Wall time. */
  readonly atMs: number;
  readonly step: number | null;
  readonly durableStep: number | null;
}

/** Reads from the bucket's documents what became of an interruption. */
export function measure(
  interruption: Interruption,
  record: RunRecord,
  progress: ReadonlyMap<number, LifeProgress>,
): MeasuredInterruption {
  const { generation, kind } = interruption;
  const life = record.attempts.find((attempt) => attempt.generation === generation);
  const next = record.attempts.find((attempt) => attempt.generation > generation && attempt.started !== null);
  const drain = life?.drain ?? null;
  const lastStep = latest(
    life?.notice?.step,
    drain?.stepAtStop,
    life?.outcome?.step,
    progress.get(generation)?.lastStep,
    interruption.step,
  );
  const given = next?.started?.resumedFrom ?? null;
  const durableStep = next === undefined ? (drain?.durableStep ?? interruption.durableStep) : (given?.step ?? null);
  const firstStep = next === undefined ? null : (progress.get(next.generation)?.firstStep ?? null);
  const beganAgainAt =
    firstStep !== null && given?.step !== null && given !== null && firstStep < given.step ? firstStep : null;
  return {
    kind,
    stepAtInterruption: life?.notice?.step ?? interruption.step,
    durableStep,
    lostSteps: lastStep === null ? null : Math.max(0, lastStep - (durableStep ?? 0)),
    noticeToSigtermMs: drain?.noticeToSigtermMs ?? null,
    sigtermToExitMs: drain?.sigtermToExitMs ?? null,
    flushMs: drain?.flushMs ?? null,
    downtimeMs: downtime(interruption, life, next),
    resumedStep: given === null ? null : (beganAgainAt ?? given.step),
    recovered: next !== undefined || record.launches.at(-1)?.outcome?.status === 'succeeded',
    killed: drain?.killed ?? false,
    newCheckpoint: drain?.newCheckpoint ?? null,
    hadCheckpoint: given !== null,
    beganAgainAt,
    notDurable: drain?.notDurable ?? [],
    ranToItsEnd: ranToItsEnd(record, life),
  };
}

function ranToItsEnd(record: RunRecord, life: AttemptRecord | undefined): boolean {
  const final = record.launches.at(-1)?.outcome;
  const own = life?.outcome;
  if (final?.status !== 'succeeded' || own === null || own === undefined || own.cause !== 'notice') return false;
  const stepsAfterStop = (own.step ?? 0) - (life?.drain?.stepAtStop ?? own.step ?? 0);
  return own.exitCode === 0 && own.step === final.step && stepsAfterStop > 1;
}

function latest(...steps: readonly (number | null | undefined)[]): number | null {
  const known = steps.filter((step) => typeof step === 'number');
  return known.length === 0 ? null : Math.max(...known);
}

/** Machines of a local cloud share one clock, so times of different machines can be compared. */
function downtime(
  interruption: Interruption,
  life: AttemptRecord | undefined,
  next: AttemptRecord | undefined,
): number | null {
  if (next?.started === null || next === undefined) return null;
  const { notice, drain } = life ?? { notice: null, drain: null };
  const endedMs =
    notice !== null && drain !== null
      ? Date.parse(notice.at) + (drain.noticeToSigtermMs ?? 0) + (drain.sigtermToExitMs ?? 0)
      : interruption.atMs;
  return Math.max(0, Date.parse(next.started?.at ?? '') - endedMs);
}
