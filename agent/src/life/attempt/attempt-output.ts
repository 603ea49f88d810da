import type { OutputFolder, OutputReport } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import { type Timing, timestampOf } from '@runctl/protocol';
import type { LifeState } from '../../reporting/life-state.ts';
import { isForNow, sendPatiently } from './output-patience.ts';

export interface AttemptOutputParts {
  /** Null where the run keeps no folder besides its checkpoints. */
  readonly output: Pick<OutputFolder, 'pass'> | null;
  readonly life: Pick<LifeState, 'warn' | 'touch' | 'output'>;
  readonly timing: Pick<Timing, 'outputMs' | 'refusedMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A pass may take a tenth of the time: a large file that always changes is not sent over and over. */
const REST_FACTOR = 10;
const NAMED_FILES = 3;

/** Keeps the output folder of one attempt: now and then while the workload runs, and after the last checkpoint. */
export class AttemptOutput {
  readonly #parts: AttemptOutputParts;
  #running: { readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  #unsaved: string | null = null;

  constructor(parts: AttemptOutputParts) {
    this.#parts = parts;
  }

  /** What the last end of the workload left and is not kept, for people; null when all of it is. */
  get unsaved(): string | null {
    return this.#unsaved;
  }

  /** Begins to keep what changes beside a workload that runs. */
  begin(): void {
    this.#unsaved = null;
    if (this.#parts.output === null) return;
    this.stop();
    this.#unsaved = 'the output folder: there was no time for a last look at it';
    const abort = new AbortController();
    this.#running = { abort, done: this.#keepOn(this.#parts.output, abort.signal) };
  }

  /** Cuts the pass under way short and begins none: the line belongs to the checkpoints. */
  stop(): void {
    this.#running?.abort.abort(new Error('the checkpoints come first'));
  }

  /**
   * Keeps what the workload has left, again and again until all of it is, the signal fires, or the bucket refuses for too long.
   * Never rejects.
   */
  async finish(signal: AbortSignal): Promise<void> {
    const { output } = this.#parts;
    this.stop();
    await this.#running?.done;
    if (output === null || this.#running === null) return;
    try {
      const patience = { ...this.#parts, refusedMs: this.#parts.timing.refusedMs, signal };
      const report = await sendPatiently((onKept) => output.pass({ ended: true, signal, onKept }), patience);
      this.#note(report);
      this.#unsaved = named(report.waiting);
    } catch (error) {
      this.#unsaved = `the output folder (${messageOf(signal.aborted ? signal.reason : error)})`;
    }
  }

  async #keepOn(output: Pick<OutputFolder, 'pass'>, signal: AbortSignal): Promise<void> {
    const { clock, life, log, timing } = this.#parts;
    let restMs = timing.outputMs;
    while (!signal.aborted) {
      await clock.sleep(restMs, signal).catch(() => {});
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      try {
        this.#note(await output.pass({ ended: false, signal }));
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ error: messageOf(error) }, 'the output folder could not be kept');
        if (!isForNow(error)) life.warn(`the output folder could not be kept: ${messageOf(error)}`);
      }
      restMs = Math.max(timing.outputMs, REST_FACTOR * (clock.monotonicMs() - startedMs));
    }
  }

  #note({ kept, sentFiles, unkept }: OutputReport): void {
    const { clock, life } = this.#parts;
    life.output = { ...kept, at: timestampOf(clock.wallMs()) };
    for (const { path, why } of unkept) life.warn(`${path} of the output folder is not kept: it ${why}`);
    if (sentFiles > 0) life.touch();
  }
}

function named(waiting: OutputReport['waiting']): string | null {
  if (waiting.length === 0) return null;
  const first = waiting.slice(0, NAMED_FILES).map(({ path, why }) => `${path} ${why}`);
  const more = waiting.length - first.length;
  return `output: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
