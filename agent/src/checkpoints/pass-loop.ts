import type { PassReport, WorkloadEnd } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import { isStoreError } from '@runctl/store';
import type { Checkpoints } from './checkpoint-port.ts';
import { growingLoop } from './growing-loop.ts';
import { Patience } from './refusals.ts';
import { Wish } from './wish.ts';

export interface PassLoopOptions {
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly log: Log;
  readonly settleMs: number;
  /** Comes before each look at the folder, so that what the script tells of itself is as of then. Never rejects. */
  readonly beforePass?: () => Promise<unknown>;
  readonly onPass: (report: PassReport) => void;
  /** Why the lease could not be renewed, as long as it can't be; null when that is not so. */
  readonly leaseTrouble: () => unknown;
  /** After a normal end: a bucket that refuses for so long is given up. */
  readonly refusedMs: number;
}

export interface FinalPass {
  readonly ended: WorkloadEnd;
  readonly signal: AbortSignal;
  /** Set when the machine goes away. */
  readonly deadlineMs?: number;
}

export interface LoopStops {
  /** No pass begins after this fired; the one under way goes on. */
  readonly loop: AbortSignal;
  /** Cuts the pass under way short too. */
  readonly pass: AbortSignal;
}

export interface PassLoop {
  /**
   * A pass soon, whether or not a file changed. `settled` is called when one that began after this has left nothing to wait
   * for; never, when the workload ends before.
   */
  request(settled?: (report: PassReport) => void): void;
  /** The machine goes away then (monotonic): what can be secured until then goes first. */
  hurry(deadlineMs: number): void;
  /** Passes when files change, and while something is unsettled; uploads what grows meanwhile. Never rejects. */
  run(stops: LoopStops): Promise<void>;
  /**
   * After the workload's end: passes until everything is durable or refused for good, or the signal fires. A bucket that
   * refuses (permissions, credentials, bucket gone) is asked until a deadline, since what it refuses now may be all that is
   * left of the run; without one it is given up after `refusedMs`: the machine costs money, and the bucket is right by then
   * or not at all. Never rejects.
   */
  finish(final: FinalPass): Promise<PassReport | null>;
}

/** Files can change without a word (network file systems, an overflown queue of events): look once in this many settle times. */
const UNASKED_SETTLES = 30;
const RETRY_MS = 1000;
/** Looks take at most this share of the time while nothing changes: the processors belong to the training. */
const MOST_LOOKING = 0.1;

/** Tells two failures apart by more than their messages, which name keys that are new with each try. */
function complaintOf(error: unknown): string {
  return isStoreError(error) ? `${error.kind} ${error.code}` : messageOf(error);
}

export function createPassLoop(options: PassLoopOptions): PassLoop {
  return new CheckpointPassLoop(options);
}

class CheckpointPassLoop implements PassLoop {
  readonly #options: PassLoopOptions;
  readonly #wish = new Wish();
  /** Those who wait for a pass that leaves nothing to wait for. */
  readonly #waiting: ((report: PassReport) => void)[] = [];
  /** The complaint about the last pass; null when nothing was wrong with it. */
  #complaint: string | null = null;

  constructor(options: PassLoopOptions) {
    this.#options = options;
  }

  request(settled?: (report: PassReport) => void): void {
    if (settled !== undefined) this.#waiting.push(settled);
    this.#wish.make();
  }

  hurry(deadlineMs: number): void {
    this.#options.checkpoints.publisher.hurry(deadlineMs).then(
      () => this.request(),
      () => {},
    );
  }

  async run({ loop, pass }: LoopStops): Promise<void> {
    const { checkpoints, clock, settleMs } = this.#options;
    const signal = AbortSignal.any([loop, pass]);
    const growing = growingLoop(this.#options);
    checkpoints.watch(() => {
      growing.changed();
      this.request();
    }, signal);
    const uploading = growing.run(signal);
    while (!signal.aborted) {
      await this.#wish.pause(await this.#passBeside(pass), { clock, signal });
      // A file that is being written makes many events: one look per settle time is enough.
      if (this.#wish.isMade && !signal.aborted) await clock.sleep(settleMs / 4, signal).catch(() => {});
    }
    await uploading;
  }

  async finish({ ended, signal, deadlineMs }: FinalPass): Promise<PassReport | null> {
    const { clock, leaseTrouble, log, refusedMs, settleMs } = this.#options;
    let report: PassReport | null = null;
    const pauseMs = Math.min(RETRY_MS, settleMs);
    const patience = new Patience({ clock, pauseMs, giveUpMs: deadlineMs === undefined ? refusedMs : null });
    while (!signal.aborted) {
      report = await this.#passOnce({ ended, signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
      const again = report.refused !== 'fenced' && (report.error !== null || report.refused === 'not-holder');
      if (!again && !report.unsettled) return report;
      const error = report.error ?? (report.refused === null ? null : leaseTrouble());
      const pause = again ? patience.after(error) : pauseMs;
      if (pause === null) {
        log.error(
          { error: messageOf(patience.refusal) },
          'the bucket goes on refusing: the last checkpoint is given up',
        );
        return { ...report, error: patience.refusal };
      }
      await clock.sleep(pause, signal).catch(() => {});
    }
    return report;
  }

  /** One pass beside the workload. Resolves with how long to wait for the next one where nothing asks for it. */
  async #passBeside(signal: AbortSignal): Promise<number> {
    const { clock, settleMs } = this.#options;
    this.#wish.clear();
    const served = this.#waiting.length;
    const beganMs = clock.monotonicMs();
    const report = await this.#passOnce({ signal });
    const tookMs = clock.monotonicMs() - beganMs;
    const soon = report.unsettled || report.error !== null || report.refused === 'not-holder';
    if (soon) return Math.min(Math.max(report.againInMs ?? settleMs, tookMs / MOST_LOOKING), settleMs);
    for (const settled of this.#waiting.splice(0, served)) settled(report);
    return settleMs * UNASKED_SETTLES;
  }

  async #passOnce(pass: Parameters<Checkpoints['publisher']['pass']>[0]): Promise<PassReport> {
    const { beforePass, checkpoints, log, onPass } = this.#options;
    await beforePass?.();
    const report = await checkpoints.publisher.pass(pass);
    const before = this.#complaint;
    this.#complaint = report.error === null ? null : complaintOf(report.error);
    if (this.#complaint !== null && this.#complaint !== before && !pass.signal.aborted)
      log.warn({ error: messageOf(report.error) }, 'a checkpoint pass was cut short; it is tried again');
    onPass(report);
    return report;
  }
}
