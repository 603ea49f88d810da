import type { MeasuredInterruption, RehearsalEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import { measure, type Interruption } from './measure.ts';
import { isDue, type InterruptionMoment, type Reference } from './moments.ts';
import { createObserver, type Observation } from './observer.ts';
import { saveInterval } from './save-interval.ts';
import type { WrittenElsewhere } from './written-elsewhere.ts';

export interface Rehearsal {
  readonly outcome: LaunchOutcome | null;
  readonly interruptions: readonly MeasuredInterruption[];
  readonly last: Observation;
}

export interface RehearseOptions {
  readonly cloud: Cloud;
  readonly run: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly moments: readonly InterruptionMoment[];
  /** What an undisturbed run told; null without one. */
  readonly reference: Reference | null;
  readonly elsewhere: WrittenElsewhere;
  /** Takes the machine of the run back. */
  readonly interrupt: (machineId: string, notice: boolean) => Promise<void>;
}

const LOOK_MS = 150;
/** A run that is not back by then is not coming back. */
const RECOVERY_LIMIT_MS = 180_000;
/** A script that has neither ended nor moved for this long is given up. */
const STALL_LIMIT_MS = 600_000;

/** Watches one run to its end and interrupts it at the given moments, one after the other. */
export async function* rehearse(options: RehearseOptions): AsyncGenerator<RehearsalEvent, Rehearsal> {
  const { clock, signal, moments } = options;
  const observer = createObserver(options.cloud, options.run, clock);
  const made: Interruption[] = [];
  let shown = 0;
  let open: { readonly sinceMs: number; readonly number: number } | null = null;
  let stall = { key: '', sinceMs: clock.monotonicMs() };
  for (;;) {
    signal.throwIfAborted();
    const [seen] = await Promise.all([observer.look(), options.elsewhere.look()]);
    const outcome = seen.record.launches.at(-1)?.outcome ?? null;
    for (const attempt of seen.record.attempts.slice(shown)) {
      if (attempt.started === null) break;
      shown += 1;
      yield attemptEvent(attempt);
    }
    const current = seen.record.attempts.at(-1);
    const last = made.at(-1);
    if (
      open !== null &&
      last !== undefined &&
      current !== undefined &&
      current.generation > last.generation &&
      isAlive(seen, current)
    ) {
      yield { type: 'recovered', number: open.number, report: measure(last, seen) };
      open = null;
    }
    if (outcome !== null) {
      if (open !== null && last !== undefined)
        yield { type: 'recovered', number: open.number, report: measure(last, seen) };
      return ended(made, seen, outcome);
    }
    const key = progressKey(seen);
    if (key !== stall.key) stall = { key, sinceMs: clock.monotonicMs() };
    if (open !== null && clock.monotonicMs() - open.sinceMs > RECOVERY_LIMIT_MS) {
      yield { type: 'not-recovered', number: open.number, waitedMs: RECOVERY_LIMIT_MS };
      return ended(made, seen, null);
    }
    if (clock.monotonicMs() - stall.sinceMs > STALL_LIMIT_MS) return ended(made, seen, null);
    const moment = moments[made.length];
    if (open === null && moment !== undefined && current !== undefined && comes(moment, { seen, current, options })) {
      const interruption = await interrupt(options, { moment, seen, current });
      made.push(interruption);
      open = { sinceMs: clock.monotonicMs(), number: made.length };
      const { kind, step, durableStep } = interruption;
      const hasDurable = seen.record.latest !== null;
      yield { type: 'interrupting', kind, number: made.length, step, durableStep, hasDurable };
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

function ended(made: readonly Interruption[], seen: Observation, outcome: LaunchOutcome | null): Rehearsal {
  return { outcome, interruptions: made.map((one) => measure(one, seen)), last: seen };
}

function attemptEvent(attempt: AttemptRecord): RehearsalEvent {
  const { generation, started } = attempt;
  const from = started?.resumedFrom ?? null;
  return {
    type: 'rehearsal-attempt',
    generation,
    machineId: started?.machineId ?? '',
    fromStep: from?.step ?? null,
    resumed: from !== null,
  };
}

function isAlive(seen: Observation, attempt: AttemptRecord): boolean {
  return (seen.progress.get(attempt.generation)?.aliveSinceMs ?? null) !== null;
}

/** A script that shows no life for so long, such as one without any output, is interrupted all the same. */
const LIFE_LIMIT_MS = 60_000;

function comes(
  moment: InterruptionMoment,
  { seen, current, options }: { seen: Observation; current: AttemptRecord; options: RehearseOptions },
): boolean {
  const life = seen.progress.get(current.generation);
  if (life === undefined || current.outcome !== null || current.notice !== null) return false;
  const nowMs = options.clock.monotonicMs();
  if (life.aliveSinceMs === null) return life.runningSinceMs !== null && nowMs - life.runningSinceMs >= LIFE_LIMIT_MS;
  const living = {
    step: life.lastStep,
    fromStep: current.started?.resumedFrom?.step ?? null,
    totalSteps: life.totalSteps,
    aliveForMs: nowMs - life.aliveSinceMs,
    saves: seen.saves.filter((save) => save.generation === current.generation).length,
    // Machines of a local cloud share this computer's clock.
    sinceSaveMs: options.clock.wallMs() - Math.max(0, ...seen.saves.map(({ savedAtMs }) => savedAtMs)),
    saveIntervalMs: saveInterval(seen.record, seen.saves).ms,
  };
  return isDue(moment, living, options.reference);
}

async function interrupt(
  options: RehearseOptions,
  at: { readonly moment: InterruptionMoment; readonly seen: Observation; readonly current: AttemptRecord },
): Promise<Interruption> {
  const { moment, seen, current } = at;
  const { lastStep, aliveSinceMs } = seen.progress.get(current.generation) ?? { lastStep: null, aliveSinceMs: null };
  const machineId = current.started?.machineId ?? current.status?.document.machineId ?? '';
  const interruption = {
    kind: moment.kind,
    generation: current.generation,
    atMs: options.clock.wallMs(),
    aliveForMs: aliveSinceMs === null ? 0 : options.clock.monotonicMs() - aliveSinceMs,
    step: lastStep,
    durableStep: seen.record.latest?.document.step ?? null,
  };
  await options.interrupt(machineId, moment.kind === 'notice');
  return interruption;
}

function progressKey({ record, progress }: { record: RunRecord; progress: Observation['progress'] }): string {
  const steps = [...progress.values()].map((life) => life.lastStep);
  return JSON.stringify([record.attempts.length, record.latest?.document.seq, steps]);
}
