import { open, readFile, stat } from 'node:fs/promises';
import type { Metrics } from '@runctl/protocol';

export interface Progress {
  readonly step: number | null;
  readonly source: 'file' | 'log' | 'unknown';
}

export interface ProgressReader {
  /** Where the training is now. Never rejects. */
  read(): Promise<Progress>;
  /** The step at a wall time as far as it was observed; null before the first observation. */
  stepAt(wallMs: number): number | null;
  /**
   * The numbers beside the step in the progress file: as last seen with this step, else as last seen before this wall time.
   * Empty where the script told none.
   */
  metricsAt(at: { readonly wallMs: number; readonly step: number | null }): Metrics;
}

interface Sample {
  readonly atMs: number;
  readonly step: number;
  readonly metrics: Metrics;
}

const TAIL_BYTES = 64 * 1024;
const SAMPLES = 512;
/** A manifest has room for what a person compares, not for everything that a script may log. */
const MOST_METRICS = 32;

/** The last `step 12`, `step=12`, `Step: 1,200/5,000` or `global_step 12` in a piece of log; null without one. */
export function lastStepIn(text: string): number | null {
  let last: number | null = null;
  for (const match of text.matchAll(/(?<![a-z])steps?\s*[ =:]\s*(\d+(?:,\d{3})*)/gi))
    last = Number((match[1] ?? '').replaceAll(',', ''));
  return last;
}

/** The progress file is the script's own word; without one the log is searched; else it is unknown and said so. */
export function createProgressReader(paths: { readonly progress: string; readonly log: string }): ProgressReader {
  const samples: Sample[] = [];
  let logSize = -1;
  let logStep: number | null = null;

  const note = (atMs: number, step: number, metrics: Metrics = {}): void => {
    const last = samples.at(-1);
    if (last?.step !== step) samples.push({ atMs, step, metrics });
    // An evaluation may come after its step: what is told later is added.
    else samples[samples.length - 1] = { ...last, metrics: { ...last.metrics, ...metrics } };
    if (samples.length > SAMPLES) samples.shift();
  };
  const fromLog = async (): Promise<Progress> => {
    const info = await stat(paths.log).catch(() => null);
    if (info === null) return { step: null, source: 'unknown' };
    if (info.size !== logSize) {
      logStep = lastStepIn(await tail(paths.log, info.size)) ?? (info.size < logSize ? null : logStep);
      logSize = info.size;
      if (logStep !== null) note(info.mtimeMs, logStep);
    }
    return { step: logStep, source: logStep === null ? 'unknown' : 'log' };
  };

  return {
    async read() {
      try {
        const told = JSON.parse(await readFile(paths.progress, 'utf8')) as Record<string, unknown>;
        const { step } = told;
        if (typeof step === 'number' && Number.isFinite(step)) {
          const whole = Math.max(0, Math.floor(step));
          note((await stat(paths.progress)).mtimeMs, whole, metricsOf(told));
          return { step: whole, source: 'file' };
        }
      } catch {
        // None, or caught in the middle of being written: the log may know.
      }
      return fromLog().catch((): Progress => ({ step: null, source: 'unknown' }));
    },
    stepAt: (wallMs) => samples.findLast((sample) => sample.atMs <= wallMs)?.step ?? null,
    metricsAt: ({ wallMs, step }) => {
      const ofStep = step === null ? undefined : samples.findLast((sample) => sample.step === step);
      return (ofStep ?? samples.findLast((sample) => sample.atMs <= wallMs))?.metrics ?? {};
    },
  };
}

function metricsOf(told: Readonly<Record<string, unknown>>): Metrics {
  const numbers = Object.entries(told).filter(([name, value]) => name !== 'step' && Number.isFinite(value));
  return Object.fromEntries(numbers.slice(0, MOST_METRICS)) as Metrics;
}

async function tail(path: string, size: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const length = Math.min(TAIL_BYTES, size);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
