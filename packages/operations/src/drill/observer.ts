import type { Clock } from '@runctl/core';
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
  const decoders = new Map<number, { readonly decoder: InstanceType<typeof TextDecoder>; rest: string }>();
  const tail: string[] = [];

  const note = (generation: number, step: number): void => {
    const before = progress.get(generation) ?? UNSEEN;
    progress.set(generation, {
      firstStep: before.firstStep ?? step,
      lastStep: Math.max(before.lastStep ?? step, step),
      steppingSinceMs: before.steppingSinceMs ?? clock.monotonicMs(),
    });
  };

  const readLog = async (): Promise<void> => {
    for await (const event of log.read()) {
      if (event.type !== 'log-bytes') continue;
      const open = decoders.get(event.generation) ?? { decoder: new TextDecoder(), rest: '' };
      decoders.set(event.generation, open);
      const lines = `${open.rest}${open.decoder.decode(event.bytes, { stream: true })}`.split('\n');
      open.rest = lines.pop() ?? '';
      for (const line of lines) for (const step of stepsIn(line)) note(event.generation, step);
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
        if (step !== null && stepSource === 'file') note(generation, step);
        const before = progress.get(generation) ?? UNSEEN;
        if (phase === 'running' && step === null && before.steppingSinceMs === null)
          progress.set(generation, { ...before, steppingSinceMs: clock.monotonicMs() });
      }
      return { record, progress: new Map(progress), tail: [...tail] };
    },
  };
}

/** Steps that a line reports, as the agent reads them: `step 12`, `step=12`, `Step: 1,200/5,000`. */
export function stepsIn(line: string): number[] {
  if (/resum|restor|load|checkpoint|saved?\b/i.test(line)) return [];
  const matches = line.matchAll(/(?<![a-z])steps?\s*[ =:]\s*(\d+(?:,\d{3})*)/gi);
  return [...matches].map((match) => Number((match[1] ?? '').replaceAll(',', '')));
}
