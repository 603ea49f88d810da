import { open, readFile, stat } from 'node:fs/promises';
import { type Metrics, OutputLines, stepPattern, StepReader, tellsRound } from '@runctl/protocol';

export interface Progress {
  readonly step: number | null;
  readonly source: 'file' | 'log' | 'unknown';
  /** The line of the log that the step was read in; null for other sources. */
  readonly evidence: string | null;
  /** Wall time at which the script told it; null where it told none. */
  readonly atMs: number | null;
}

export interface ProgressReader {
  /** Where the training is now. Never rejects. */
  read(): Promise<Progress>;
  /** Begins anew: what is told from now on is another life's. */
  begin(): Promise<void>;
  /** What was told first since then. */
  beginning(): Beginning;
  /** The step at a wall time as far as it was observed; null before the first observation. */
  stepAt(wallMs: number): number | null;
  /**
   * The numbers beside the step in the progress file: as last seen with this step, else as last seen before this wall time.
   * Empty where the script told none.
   */
  metricsAt(at: { readonly wallMs: number; readonly step: number | null }): Metrics;
}

/** How a life of the script began, as far as it tells. */
export interface Beginning {
  /** The first two steps that differ, or what there is of them; none where the script may count those of its life alone. */
  readonly steps: readonly number[];
  /** Steps of the whole training, or of the part that its steps are counted in; null where nothing tells. */
  readonly total: number | null;
}

const UNKNOWN: Progress = { step: null, source: 'unknown', evidence: null, atMs: null };

interface Sample {
  readonly atMs: number;
  readonly step: number;
  readonly metrics: Metrics;
}

/** More than this between two looks is passed over. */
const TAIL_BYTES = 256 * 1024;
const SAMPLES = 512;
/** A manifest has room for what a person compares, not for everything that a script may log. */
const MOST_METRICS = 32;

export interface ProgressOptions {
  readonly progress: string;
  readonly log: string;
  /** The user's own pattern of a step in the log. */
  readonly stepPattern?: string | undefined;
}

/** The progress file is the script's own word; without one the log is searched; else it is unknown and said so. */
export function createProgressReader(paths: ProgressOptions): ProgressReader {
  const samples: Sample[] = [];
  const log = new LogSteps(paths);
  let firstInFile: readonly number[] = [];

  const note = (atMs: number, step: number, metrics: Metrics = {}): void => {
    const last = samples.at(-1);
    if (last?.step !== step) samples.push({ atMs, step, metrics });
    // An evaluation may come after its step: what is told later is added.
    else samples[samples.length - 1] = { ...last, metrics: { ...last.metrics, ...metrics } };
    if (samples.length > SAMPLES) samples.shift();
  };
  const fromLog = async (): Promise<Progress> => {
    const inLog = await log.read();
    if (inLog.step === null) return UNKNOWN;
    note(inLog.atMs, inLog.step);
    return { step: inLog.step, source: 'log', evidence: inLog.evidence, atMs: inLog.atMs };
  };

  return {
    async read() {
      try {
        const content = JSON.parse(await readFile(paths.progress, 'utf8')) as Record<string, unknown>;
        const { step } = content;
        if (typeof step === 'number' && Number.isFinite(step)) {
          const whole = Math.max(0, Math.floor(step));
          const atMs = (await stat(paths.progress)).mtimeMs;
          note(atMs, whole, metricsOf(content));
          firstInFile = withFirst(firstInFile, whole);
          return { step: whole, source: 'file', evidence: null, atMs };
        }
      } catch {
        // None, or caught in the middle of being written: the log may know.
      }
      return fromLog().catch(() => UNKNOWN);
    },
    begin: () => {
      firstInFile = [];
      return log.begin();
    },
    beginning: () => (firstInFile.length > 0 ? { steps: firstInFile, total: null } : log.beginning()),
    stepAt: (wallMs) => samples.findLast((sample) => sample.atMs <= wallMs)?.step ?? null,
    metricsAt: ({ wallMs, step }) => {
      const ofStep = step === null ? undefined : samples.findLast((sample) => sample.step === step);
      return (ofStep ?? samples.findLast((sample) => sample.atMs <= wallMs))?.metrics ?? {};
    },
  };
}

const withFirst = (first: readonly number[], step: number): readonly number[] =>
  first.length < 2 && !first.includes(step) ? [...first, step] : first;

function metricsOf(content: Readonly<Record<string, unknown>>): Metrics {
  const numbers = Object.entries(content).filter(([name, value]) => name !== 'step' && Number.isFinite(value));
  return Object.fromEntries(numbers.slice(0, MOST_METRICS)) as Metrics;
}

/** Follows the steps that a growing log tells. A log that became shorter is read anew. */
class LogSteps {
  readonly #path: string;
  readonly #pattern: ReturnType<typeof stepPattern> | null;
  #offset = 0;
  #lines = new OutputLines();
  #steps: StepReader;
  #first: readonly number[] = [];
  #atMs = 0;

  constructor({ log, stepPattern: pattern }: ProgressOptions) {
    this.#path = log;
    this.#pattern = pattern === undefined ? null : stepPattern(pattern);
    this.#steps = this.#newReader();
  }

  /** Passes over what the log tells so far. Never rejects. */
  async begin(): Promise<void> {
    this.#offset = (await stat(this.#path).catch(() => null))?.size ?? 0;
    this.#lines = new OutputLines();
    this.#steps = this.#newReader();
    this.#first = [];
  }

  beginning(): Beginning {
    const { evidence, total } = this.#steps.current();
    return { steps: evidence !== null && tellsRound(evidence) ? [] : this.#first, total };
  }

  #newReader(): StepReader {
    return new StepReader({ pattern: this.#pattern });
  }

  /** The step so far with its line, and the wall time of the newest line. Rejects as the file system does; no log tells no step. */
  async read(): Promise<{ readonly step: number | null; readonly evidence: string | null; readonly atMs: number }> {
    const info = await stat(this.#path).catch(() => null);
    if (info !== null && info.size !== this.#offset) await this.#readOn(info.size, info.mtimeMs);
    const { step, evidence } = this.#steps.current();
    return info === null ? { step: null, evidence: null, atMs: this.#atMs } : { step, evidence, atMs: this.#atMs };
  }

  async #readOn(size: number, mtimeMs: number): Promise<void> {
    if (size < this.#offset) {
      this.#steps = this.#newReader();
      this.#offset = 0;
    }
    const from = Math.max(this.#offset, size - TAIL_BYTES);
    // What lies between was never read: the first line after it is no whole one.
    if (from > this.#offset || from === 0) this.#lines = new OutputLines();
    const lines = this.#lines.push(await bytesOf(this.#path, { from, length: size - from }));
    for (const line of from > this.#offset ? lines.slice(1) : lines) {
      this.#steps.read(line, mtimeMs);
      const { step } = this.#steps.current();
      if (step !== null) this.#first = withFirst(this.#first, step);
    }
    this.#offset = size;
    this.#atMs = mtimeMs;
  }
}

async function bytesOf(path: string, range: { readonly from: number; readonly length: number }): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(range.length), 0, range.length, range.from);
  return buffer.subarray(0, bytesRead);
}
