import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import { type Lives, lostWork } from './lost-work.ts';
import { resumption } from './resumption.ts';
import { type SaveInterval, saveInterval } from './save-interval.ts';

export interface Interruption {
  readonly kind: 'notice' | 'no-notice';
  /** The life that was interrupted. */
  readonly generation: number;
  /** Wall time. */
  readonly atMs: number;
  /** How long the life had shown life by then. */
  readonly aliveForMs: number;
  readonly step: number | null;
  readonly durableStep: number | null;
}

/** Reads from the bucket's documents what became of an interruption. */
export function measure(interruption: Interruption, lives: Lives): MeasuredInterruption {
  const { record, progress, saves } = lives;
  const { generation, kind } = interruption;
  const life = record.attempts.find((attempt) => attempt.generation === generation);
  const next = record.attempts.find((attempt) => attempt.generation > generation && attempt.started !== null);
  const drain = life?.drain ?? null;
  const reportedStep = latest(
    life?.notice?.step,
    drain?.stepAtStop,
    life?.outcome?.step,
    progress.get(generation)?.lastStep,
    interruption.step,
  );
  const given = next?.started?.resumedFrom ?? null;
  const durableStep = next === undefined ? (drain?.durableStep ?? interruption.durableStep) : (given?.step ?? null);
  const lastStep = latest(
    reportedStep,
    ...saves.filter((save) => save.generation === generation).map(({ step }) => step),
  );
  const lost = lostWork(interruption, lives, { lastStep, durableStep });
  const resumed = resumption(next, lives);
  const isRunThrough = ranToItsEnd(record, life);
  return {
    kind,
    stepAtInterruption: life?.notice?.step ?? interruption.step,
    durableStep,
    lostSteps: lost.steps,
    noticeToSigtermMs: drain?.noticeToSigtermMs ?? null,
    caughtTerm: drain?.caughtTerm ?? null,
    sigtermToExitMs: drain?.sigtermToExitMs ?? null,
    flushMs: drain?.flushMs ?? null,
    downtimeMs: downtime(interruption, life, next),
    resumedStep: given === null ? null : (resumed.beganAgainAt ?? given.step),
    recovered: next !== undefined || record.launches.at(-1)?.outcome?.status === 'succeeded',
    killed: drain?.killed ?? false,
    newCheckpoint: drain?.newCheckpoint ?? null,
    hadCheckpoint: given !== null,
    beganAgainAt: resumed.beganAgainAt,
    resumeSeen: resumed.isSeen,
    unsavedMs: lost.unsavedMs,
    savesLastedMs: savesLasted(drain),
    intervalsBefore: intervalsTrained({
      interval: saveInterval(record, saves),
      // Where only saves bear steps, those since the last save are missing.
      steps: lastStep === null || reportedStep === null ? null : stepsSince(life, lastStep),
      ms: interruption.aliveForMs,
    }),
    notDurable: drain?.notDurable ?? [],
    ranToItsEnd: isRunThrough,
    wasDone: !isRunThrough && given !== null && wasDone(life, given.step, lives),
  };
}

/** How many save intervals the last life trained before the run ended; null where no interval was seen. */
export function intervalsAfter({ record, progress, saves }: Lives): number | null {
  const last = record.attempts.findLast((attempt) => attempt.started !== null);
  const own = last === undefined ? undefined : progress.get(last.generation);
  const steps = latest(own?.lastStep, last?.outcome?.step, saves.at(-1)?.step);
  return intervalsTrained({
    interval: saveInterval(record, saves),
    steps: steps === null ? null : stepsSince(last, steps),
    ms: last?.outcome?.ranMs ?? 0,
  });
}

function intervalsTrained(trained: {
  readonly interval: SaveInterval;
  readonly steps: number | null;
  readonly ms: number;
}): number | null {
  const { interval, steps, ms } = trained;
  if (steps !== null && interval.steps !== null) return steps / interval.steps;
  return interval.ms === null ? null : ms / interval.ms;
}

function stepsSince(life: AttemptRecord | undefined, step: number): number | null {
  const from = life?.started?.resumedFrom ?? null;
  // Without a step in the checkpoint nobody knows where the life began.
  if (from !== null && from.step === null) return null;
  return Math.max(0, step - (from?.step ?? 0));
}

/** From SIGTERM until the last byte of a save: a shell that dies at once has children that still write. */
function savesLasted(drain: AttemptRecord['drain']): number | null {
  if (drain === null || drain.sigtermToExitMs === null) return null;
  return Math.max(drain.sigtermToExitMs, drain.sigtermToLastWriteMs ?? 0);
}

/** It left a checkpoint beyond which no life found anything to do. */
function wasDone(life: AttemptRecord | undefined, givenStep: number | null, { progress, saves }: Lives): boolean {
  const lastStep = latest(...[...progress.values()].map((each) => each.lastStep), ...saves.map(({ step }) => step));
  return life?.outcome?.exitCode === 0 && givenStep !== null && givenStep === lastStep;
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
