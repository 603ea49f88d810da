import type { Parts } from './agent.ts';
import { runWorld, type WorldReport } from './world.ts';

export interface SimulateOptions {
  readonly firstSeed: number;
  readonly worlds: number;
  /** Stops after this many worlds in which something did not hold (default 1). */
  readonly failures?: number;
  readonly parts?: Parts;
  readonly onProgress?: (done: number) => void;
}

export interface SimulationReport {
  readonly worlds: number;
  readonly counts: Readonly<Record<keyof WorldReport['counts'], number>>;
  readonly failed: readonly WorldReport[];
}

/** Worlds one after another, with seeds counted up from the first. A single one has stacks in what it tells. */
export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const { firstSeed, worlds, failures = 1, parts, onProgress } = options;
  const failed: WorldReport[] = [];
  const counts: Partial<Record<keyof WorldReport['counts'], number>> = {};
  let done = 0;
  while (done < worlds && failed.length < failures) {
    const report = await (worlds === 1
      ? runWorld(firstSeed, parts)
      : withoutStacks(() => runWorld(firstSeed + done, parts)));
    done++;
    for (const [name, count] of Object.entries(report.counts) as [keyof WorldReport['counts'], number][])
      counts[name] = (counts[name] ?? 0) + count;
    if (report.violations.length > 0) failed.push(report);
    onProgress?.(done);
  }
  return { worlds: done, counts: counts as SimulationReport['counts'], failed };
}

/** A world is full of errors that somebody expects, and most of their cost is the stack. */
async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
