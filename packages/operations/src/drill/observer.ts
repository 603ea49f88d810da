import type { Clock } from '@runctl/core';
import { OutputLines, type ReadStep, stepPattern, StepReader, tellsRound } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { createLogReader } from '../log/log-reader.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import { CheckpointTrail, type DurableSave } from './checkpoint-trail.ts';
import { countsFromItsStart } from './early-save.ts';

/** What was seen of one life's progress. */
export interface LifeProgress {
  /** Steps count from the start of the training, also where the script prints those of its life alone. */
  readonly firstStep: number | null;
  readonly lastStep: number | null;
  /** Steps of the whole training, where the output announced them. */
  readonly totalSteps: number | null;
  /** The first epoch that it printed; null where it prints none. */
  readonly firstEpoch: number | null;
  /** Since when the script was seen to run, monotonic; null before. */
  readonly runningSinceMs: number | null;
  /** Since when it has shown life: a step, a progress bar, an epoch, or a checkpoint. Monotonic; null before. */
  readonly aliveSinceMs: number | null;
}

export interface Observation {
  readonly record: RunRecord;
  readonly progress: ReadonlyMap<number, LifeProgress>;
  /** Every checkpoint that became durable, oldest first. */
  readonly saves: readonly DurableSave[];
  /** The last lines of the log. */
  readonly tail: readonly string[];
}

const TAIL_LINES = 15;
const UNSEEN: LifeProgress = {
  firstStep: null,
  lastStep: null,
  totalSteps: null,
  firstEpoch: null,
  runningSinceMs: null,
  aliveSinceMs: null,
};

interface LifeOutput {
  readonly lines: OutputLines;
  readonly steps: StepReader;
}

function newOutput(pattern: string | undefined): LifeOutput {
  const steps = new StepReader({ pattern: pattern === undefined ? null : stepPattern(pattern) });
  return { lines: new OutputLines(), steps };
}

/** Looks at a run again and again and remembers how its lives progressed. */
export function createObserver(cloud: Cloud, run: string, clock: Clock): { look(): Promise<Observation> } {
  const reader = createRunReader({ store: cloud.store, run, clock });
  const log = createLogReader({ store: cloud.store, run });
  const trail = new CheckpointTrail(cloud.store);
  const progress = new Map<number, LifeProgress>();
  const outputs = new Map<number, LifeOutput>();
  const starts = new Map<string, AttemptRecord['started']>();
  const bases = new Map<number, number>();
  const tail: string[] = [];

  const readLog = async (pattern: string | undefined): Promise<void> => {
    for await (const event of log.read()) {
      if (event.type !== 'log-bytes') continue;
      const output = outputs.get(event.generation) ?? newOutput(pattern);
      outputs.set(event.generation, output);
      const lines = output.lines.push(event.bytes);
      for (const line of lines) output.steps.read(line, clock.monotonicMs());
      tail.push(...lines);
      tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
    }
  };

  return {
    look: async () => {
      const record = withFirstStarts(await reader.read(), starts);
      await readLog(record.spec.checkpoint.stepPattern);
      const saves = await trail.follow(record.latest?.document.manifest ?? null);
      for (const attempt of record.attempts) {
        const { generation } = attempt;
        const before = progress.get(generation) ?? UNSEEN;
        const printed = outputs.get(generation)?.steps.current() ?? null;
        const hasSaved = saves.some((save) => save.generation === generation);
        const given = attempt.started?.resumedFrom?.step ?? 0;
        if (hasSaved && !bases.has(generation))
          bases.set(generation, countsFromItsStart(attempt, printed?.step ?? null, { record, saves }) ? given : 0);
        const isOpen = !hasSaved && given > 0 && tellsRound(printed?.evidence ?? '');
        const output = isOpen ? withoutSteps(printed) : countedFrom(bases.get(generation) ?? 0, printed);
        progress.set(generation, progressOf(attempt, { before, output, hasSaved, nowMs: clock.monotonicMs() }));
      }
      return { record, progress: new Map(progress), saves, tail: [...tail] };
    },
  };
}

/** Before its first save nobody knows whether a life counts its rounds from its own start. */
function withoutSteps(printed: ReadStep | null): ReadStep | null {
  return printed === null ? null : { ...printed, step: null, firstStep: null };
}

function countedFrom(base: number, printed: ReadStep | null): ReadStep | null {
  if (printed === null || base === 0) return printed;
  const added = (steps: number | null): number | null => (steps === null ? null : base + steps);
  const { step, firstStep, total } = printed;
  return { ...printed, step: added(step), firstStep: added(firstStep), total: added(total) };
}

/** A script that crashes and starts again on its machine writes its start anew; what it began its life with is the first. */
function withFirstStarts(record: RunRecord, starts: Map<string, AttemptRecord['started']>): RunRecord {
  const attempts = record.attempts.map((attempt) => {
    const life = `${attempt.generation}/${attempt.node}`;
    const started = starts.get(life) ?? attempt.started;
    if (started !== null) starts.set(life, started);
    return { ...attempt, started };
  });
  return { ...record, attempts };
}

interface LifeSigns {
  readonly before: LifeProgress;
  readonly output: ReadStep | null;
  readonly hasSaved: boolean;
  readonly nowMs: number;
}

function progressOf({ status, outcome }: AttemptRecord, { before, output, hasSaved, nowMs }: LifeSigns): LifeProgress {
  const heartbeat = status?.document ?? null;
  const steps = output?.step === null || output === null ? progressFileSteps(before, heartbeat) : output;
  const isAlive = hasSaved || output?.isAlive === true || steps.step !== null;
  const hasRun = isAlive || heartbeat?.phase === 'running' || outcome !== null;
  return {
    firstStep: steps.firstStep,
    lastStep: steps.step,
    totalSteps: output?.total ?? before.totalSteps,
    firstEpoch: output?.firstEpoch ?? before.firstEpoch,
    runningSinceMs: before.runningSinceMs ?? (hasRun ? nowMs : null),
    aliveSinceMs: before.aliveSinceMs ?? (isAlive ? nowMs : null),
  };
}

/** The log is newer than the heartbeat, so the progress file counts only where the log tells no step. */
function progressFileSteps(
  before: LifeProgress,
  heartbeat: { readonly step: number | null; readonly stepSource: string } | null,
): { readonly firstStep: number | null; readonly step: number | null } {
  if (heartbeat === null || heartbeat.stepSource !== 'file' || heartbeat.step === null)
    return { firstStep: before.firstStep, step: before.lastStep };
  return { firstStep: before.firstStep ?? heartbeat.step, step: heartbeat.step };
}
