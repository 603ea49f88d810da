import type { PassReport } from '@runctl/checkpoint';
import type { Clock, Log } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { Checkpoints } from '../../checkpoints/checkpoint-port.ts';
import type { FlushRequest } from '../../driver/attempt-driver.ts';
import type { Ending } from '../../lifecycle/model.ts';
import type { BucketTraffic } from '../../reporting/bucket-traffic.ts';
import { type LogShipper, shipRest } from '../../reporting/shipper.ts';
import { mayHaveSaved, unsavedOf } from '../../reporting/unsaved.ts';
import type { AttemptOutput } from './attempt-output.ts';
import type { AttemptPasses } from './attempt-passes.ts';
import type { UnprovenSaves } from './unproven-saves.ts';
import { isClean } from './workload-notes.ts';

export interface AttemptFlushParts {
  readonly passes: AttemptPasses;
  readonly output: Pick<AttemptOutput, 'finish' | 'stop' | 'unsaved'>;
  readonly unproven: Pick<UnprovenSaves, 'keep'>;
  /** Whether the workload has come to its own end, so that no life follows that would save again. */
  readonly isFinished: (ending: Ending) => boolean;
  readonly shipper: LogShipper;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  /** Shows the wait until the signal fires. Never rejects. */
  readonly showWait: (signal: AbortSignal) => Promise<void>;
  readonly traffic: Pick<BucketTraffic, 'writes'>;
  readonly timing: Pick<Timing, 'refusedMs' | 'reportReserveMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes durable, after the workload's end, what it saved last and what it wrote to its log, and then its output folder. */
export class AttemptFlush {
  readonly #parts: AttemptFlushParts;
  #tookMs: number | null = null;
  /** Settles when the flush is over, at the latest soon after its deadline has aborted it. */
  #flushing: Promise<unknown> = Promise.resolve();

  constructor(parts: AttemptFlushParts) {
    this.#parts = parts;
  }

  /** How long the flush took; null before one has come to its end. */
  get tookMs(): number | null {
    return this.#tookMs;
  }

  /** What the last pass reported; null before the first. */
  get lastPass(): PassReport | null {
    return this.#parts.passes.last;
  }

  /** What the output folder has and is not kept, for people; null when all of it is. */
  get unsavedOutput(): string | null {
    return this.#parts.output.unsaved;
  }

  /** Uncompressed bytes of the log that are in the bucket. */
  shippedBytes(): number {
    return this.#parts.shipper.shippedBytes();
  }

  /** See `AttemptActions`. */
  sentWrites(): number {
    return this.#parts.traffic.writes;
  }

  /** Cuts the pass under way beside the workload short. */
  abortPasses(): void {
    this.#parts.passes.abort();
    this.#parts.output.stop();
  }

  /** Resolves when no pass is under way beside the workload. */
  passesSettled(): Promise<void> {
    return this.#parts.passes.settled();
  }

  /**
   * Resolves with whether everything is saved. `endedAtMs` is the wall time of the workload's end, null where nobody saw
   * it. Stops soon after the signal fires.
   */
  async run(request: FlushRequest, endedAtMs: number | null, signal: AbortSignal): Promise<boolean> {
    const { checkpoints, clock, isFinished, log, output, passes, shipper, showWait, timing, unproven } = this.#parts;
    const { ending, deadlineMs } = request;
    const startedMs = clock.monotonicMs();
    const shown = new AbortController();
    showWait(AbortSignal.any([signal, shown.signal])).catch(() => {});
    const publishes = mayHaveSaved(ending);
    output.stop();
    // The pass under way may upload the newest checkpoint: the final pass waits for it, or aborts it for a newer one.
    if (publishes) passes.stop();
    else passes.abort();
    signal.addEventListener('abort', () => passes.abort(), { once: true });
    const giveUpMs = deadlineMs === null ? timing.refusedMs : null;
    const flushing = Promise.all([
      publishes ? this.#finalPass(request, endedAtMs, signal) : null,
      shipRest(shipper, { clock, log, signal, giveUpMs }),
    ]);
    this.#flushing = flushing.catch(() => {});
    const [report, shipped] = await flushing.catch((error: unknown) => {
      shown.abort();
      throw error;
    });
    if (publishes) await output.finish(signal);
    if (publishes && isFinished(ending)) await unproven.keep(report?.candidates ?? [], signal);
    shown.abort();
    this.#tookMs = Math.round(clock.monotonicMs() - startedMs);
    // Uploads that are still unfinished belong to no checkpoint, and are billed until they are aborted.
    const ended = checkpoints.publisher.end();
    if (deadlineMs === null) await ended;
    return shipped && (!publishes || (unsavedOf(report) === null && output.unsaved === null));
  }

  /**
   * Whether the last pass could not say what it leaves behind. A flush that its deadline has aborted gets a moment for
   * that; the signal ends the moment.
   */
  async isCutShort(signal: AbortSignal): Promise<boolean> {
    const { clock, timing } = this.#parts;
    const moment = clock.sleep(timing.reportReserveMs / 4, signal).catch(() => {});
    return Promise.race([this.#flushing.then(() => false), moment.then(() => true)]);
  }

  #finalPass(
    { ending, deadlineMs }: FlushRequest,
    endedAtMs: number | null,
    signal: AbortSignal,
  ): Promise<PassReport | null> {
    // When nobody saw the end, no file counts as still before it, so that only structure can prove a file whole.
    const atMs = endedAtMs ?? Number.NEGATIVE_INFINITY;
    const asked = ending.cause !== 'exited';
    const clean = ending.exit !== null && isClean(ending.exit, asked);
    const deadline = deadlineMs === null ? {} : { deadlineMs };
    return this.#parts.passes.finish({ ended: { clean, asked, atMs }, signal, ...deadline });
  }
}
