import { type ProgressBar, readProgressLine } from './progress-line.ts';
import type { StepPattern } from './step-pattern.ts';

/** Where a training stands, as far as its output tells. */
export interface ReadStep {
  readonly step: number | null;
  /** The first step that was believed; null before. */
  readonly firstStep: number | null;
  /** Steps of the whole training, as the output announced them; a hint only. */
  readonly total: number | null;
  /** The first epoch that the output named, as it counts them; null before. */
  readonly firstEpoch: number | null;
  /** Whether the output showed any progress, be it without a step: a bar, an epoch. */
  readonly isAlive: boolean;
  /** The line that `step` was read in, for people; null without a step. */
  readonly evidence: string | null;
}

const EVIDENCE_CHARACTERS = 120;

const evidenceIn = (line: string): string => line.trim().slice(0, EVIDENCE_CHARACTERS);

/**
 * Follows the step of one life of a script through its lines; agent and rehearsal read with it, so that they never differ.
 * A named step counts before a progress bar, and of several bars the one that was drawn for the longest time. A number
 * that jumps further than the time allows counts only once a later line goes on from it. A pattern of the user's own takes
 * the place of all that: only what it finds is a step.
 */
export class StepReader {
  readonly #named = new StepTrack();
  readonly #bars = new Map<string, BarTrack>();
  readonly #pattern: StepPattern | null;
  #announced: number | null = null;
  #firstEpoch: number | null = null;
  #isAlive = false;

  constructor({ pattern = null }: { readonly pattern?: StepPattern | null } = {}) {
    this.#pattern = pattern;
  }

  /** Reads one line that was written at this time (milliseconds of any one clock). */
  read(line: string, atMs: number): void {
    if (this.#pattern !== null) this.#readByPattern(this.#pattern(line), { line, atMs });
    const progress = readProgressLine(line);
    if (progress === null) return;
    const { step, total, epoch, bar } = progress;
    this.#isAlive ||= step !== null || epoch !== null || (bar !== null && bar.counts !== 'other');
    this.#announced = total ?? this.#announced;
    this.#firstEpoch ??= epoch;
    if (this.#pattern !== null) return;
    const evidence = evidenceIn(line);
    if (step !== null) this.#named.read({ step, atMs, evidence });
    else if (bar?.counts === 'training') this.#barOf(bar, atMs).readDrawn({ step: bar.at, atMs, evidence });
  }

  #readByPattern(step: number | null, { line, atMs }: { readonly line: string; readonly atMs: number }): void {
    if (step === null) return;
    this.#isAlive = true;
    this.#named.read({ step, atMs, evidence: evidenceIn(line) });
  }

  current(): ReadStep {
    const bar = this.#trainingBar();
    const track = this.#named.isEmpty ? bar?.track : this.#named;
    return {
      step: track?.last?.step ?? null,
      firstStep: track?.first?.step ?? null,
      total: this.#named.isEmpty ? (bar?.total ?? this.#announced) : this.#announced,
      firstEpoch: this.#firstEpoch,
      isAlive: this.#isAlive,
      evidence: track?.last?.evidence ?? null,
    };
  }

  #barOf({ label, total }: ProgressBar, atMs: number): StepTrack {
    const key = `${label} ${total}`;
    const known = this.#bars.get(key);
    const bar = { total, firstMs: known?.firstMs ?? atMs, lastMs: atMs, track: known?.track ?? new StepTrack() };
    if (known !== undefined || this.#bars.size < MOST_BARS) this.#bars.set(key, bar);
    return bar.track;
  }

  #trainingBar(): BarTrack | undefined {
    const bars = Array.from(this.#bars.values());
    return bars.sort((a, b) => b.lastMs - b.firstMs - (a.lastMs - a.firstMs))[0];
  }
}

/** A script that draws more bars of different lengths than this draws none that counts its training. */
const MOST_BARS = 64;

interface BarTrack {
  readonly total: number | null;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly track: StepTrack;
}

interface Sighting {
  readonly step: number;
  readonly atMs: number;
  readonly evidence: string;
}

/** Ten times the speed, or the distance between two reports, that was seen so far. */
const FASTEST = 10;

/** Steps under one name, and which of them are believed. */
class StepTrack {
  first: Sighting | null = null;
  last: Sighting | null = null;
  /** The largest distance between two believed steps. */
  #stride = 0;
  /** A step beyond what time allows, until another line goes on from it or contradicts it. */
  #doubted: Sighting | null = null;
  /** What was believed before the last step, which a lower one may contradict. */
  #before: { readonly last: Sighting; readonly stride: number } | null = null;

  get isEmpty(): boolean {
    return this.last === null;
  }

  /** Reads a place that a bar shows. One is drawn at 0 before it jumps to where a resumed training goes on. */
  readDrawn(seen: Sighting): void {
    if (this.last?.step === 0) {
      this.first = null;
      this.last = null;
    }
    this.read(seen);
  }

  read(seen: Sighting): void {
    const { last } = this;
    if (last === null || this.first === null) {
      this.first = seen;
      this.last = seen;
      return;
    }
    if (seen.step < last.step) return this.#fallTo(seen);
    const doubted = this.#doubted;
    const isConfirmed = doubted !== null && seen.step >= doubted.step;
    if (!isConfirmed && seen.step - last.step > this.#farthest(this.first, { last, seen })) {
      this.#doubted = seen;
      return;
    }
    this.#doubted = null;
    if (seen.step > last.step) this.#before = { last, stride: this.#stride };
    this.#stride = Math.max(this.#stride, isConfirmed ? seen.step - doubted.step : seen.step - last.step);
    this.last = seen;
  }

  /** The script began again, or the step before was none: then the new one lies between it and what was believed before. */
  #fallTo(seen: Sighting): void {
    const before = this.#before;
    this.#doubted = null;
    if (before === null) this.first = seen;
    else if (seen.step >= before.last.step) this.#stride = before.stride;
    this.#before = null;
    this.last = seen;
  }

  #farthest(first: Sighting, { last, seen }: { readonly last: Sighting; readonly seen: Sighting }): number {
    if (this.#stride === 0) return Number.POSITIVE_INFINITY;
    const perMs = last.atMs > first.atMs ? Math.max(0, last.step - first.step) / (last.atMs - first.atMs) : 0;
    return FASTEST * Math.max(this.#stride, perMs * (seen.atMs - last.atMs));
  }
}
