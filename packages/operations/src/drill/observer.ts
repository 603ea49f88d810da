import type { Clock } from '@runctl/core';
import { OutputLines, StepReader } from '@runctl/protocol';
import { createLogReader } from '../log/log-reader.ts';
import type { Cloud } from '../cloud.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { RunRecord } from '../run/run-record.ts';

/** What was seen of one life's progress. */
export interface LifeProgress {
  readonly firstStep: number | null;
  readonly lastStep: number | null;
  /** When the life was first seen to step (or, if it reports no steps, to run), monotonic; null before. */
  readonly steppingSinceMs: number | null;
}

export interface Observation {
  readonly record: RunRecord;
  readonly progress: ReadonlyMap<number, LifeProgress>;
  /** The last lines of the log. */
  readonly tail: readonly string[];
}

const TAIL_LINES = 15;
const UNSEEN: LifeProgress = { firstStep: null, lastStep: null, steppingSinceMs: null };

/** Looks at a run again and again and remembers how its lives progressed. */
export function createObserver(cloud: Cloud, run: string, clock: Clock): { look(): Promise<Observation> } {
  const reader = createRunReader({ store: cloud.store, run, clock });
  const log = createLogReader({ store: cloud.store, run });
  const progress = new Map<number, LifeProgress>();
  const outputs = new Map<number, { readonly lines: OutputLines; readonly steps: StepReader }>();
  const tail: string[] = [];

  const note = (generation: number, seen: { readonly firstStep: number; readonly lastStep: number }): void => {
    const steppingSinceMs = progress.get(generation)?.steppingSinceMs ?? clock.monotonicMs();
    progress.set(generation, { ...seen, steppingSinceMs });
  };

  const readLog = async (): Promise<void> => {
    for await (const event of log.read()) {
      if (event.type !== 'log-bytes') continue;
      const output = outputs.get(event.generation) ?? { lines: new OutputLines(), steps: new StepReader() };
      outputs.set(event.generation, output);
      const lines = output.lines.push(event.bytes);
      for (const line of lines) output.steps.read(line, clock.monotonicMs());
      const { firstStep, step } = output.steps.current();
      if (step !== null && firstStep !== null) note(event.generation, { firstStep, lastStep: step });
      tail.push(...lines);
      tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
    }
  };

  return {
    look: async () => {
      const [record] = await Promise.all([reader.read(), readLog()]);
      for (const { generation, status } of record.attempts) {
        if (status === null) continue;
        const { step, phase, stepSource } = status.document;
        // The log is newer than the heartbeat, where it tells steps as well.
        const isLogged = (outputs.get(generation)?.steps.current().step ?? null) !== null;
        if (step !== null && stepSource === 'file' && !isLogged)
          note(generation, { firstStep: progress.get(generation)?.firstStep ?? step, lastStep: step });
        const before = progress.get(generation) ?? UNSEEN;
        if (phase === 'running' && step === null && before.steppingSinceMs === null)
          progress.set(generation, { ...before, steppingSinceMs: clock.monotonicMs() });
      }
      return { record, progress: new Map(progress), tail: [...tail] };
    },
  };
}
