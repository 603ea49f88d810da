import type { Clock } from '@runctl/core';
import type { PassOptions, PassReport } from '../contract/publisher-port.ts';

export interface TurnsOptions {
  readonly clock: Clock;
  readonly run: (pass: PassOptions) => Promise<PassReport>;
  /** Whether the pass under way sends what can't be secured any more while something else can. */
  readonly isOvertaken: (pass: PassOptions) => Promise<boolean>;
}

/** The rate of sending is remembered over some seconds, and a switch costs the parts under way. */
const DECIDE_EVERY_MS = 1000;

/**
 * Runs one pass in turns. Before a deadline it decides anew each second whether what is being sent can still make it;
 * where it can't and something else can, the turn is aborted and the next one begins with that. The deadline is the
 * pass's own, or that of a hurry, which may begin in the middle of a turn.
 */
export class PassTurns {
  readonly #options: TurnsOptions;
  #hurriedMs: number | null = null;
  /** Wakes the decision about the turn under way, which sleeps while there is no deadline. */
  #wake = (): void => {};

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** The monotonic time by which this pass has to be over; undefined when there is no hurry. */
  deadlineOf({ deadlineMs }: PassOptions): number | undefined {
    if (this.#hurriedMs === null) return deadlineMs;
    return Math.min(this.#hurriedMs, deadlineMs ?? this.#hurriedMs);
  }

  /** The pass with its deadline. */
  hurried(pass: PassOptions): PassOptions {
    const deadlineMs = this.deadlineOf(pass);
    return deadlineMs === undefined ? pass : { ...pass, deadlineMs };
  }

  /** From now on every pass has this deadline, unless its own comes sooner. */
  hurry(deadlineMs: number): void {
    this.#hurriedMs = Math.min(this.#hurriedMs ?? deadlineMs, deadlineMs);
    this.#wake();
  }

  calm(): void {
    this.#hurriedMs = null;
  }

  /** Resolves with the report of the last turn, and what any turn has published. Rejects as `run` does. */
  async run(pass: PassOptions, signal: AbortSignal): Promise<PassReport> {
    for (let published: PassReport['published'] = null; ;) {
      const turn = new AbortController();
      const over = new AbortController();
      const deciding = this.#decideAnew(pass, turn, over.signal).catch(() => {});
      const report = await this.#options.run({
        ...this.hurried(pass),
        signal: AbortSignal.any([signal, turn.signal]),
      });
      over.abort(new Error('the turn is over'));
      await deciding;
      published = report.published ?? published;
      if (!turn.signal.aborted || signal.aborted || report.error === null) return { ...report, published };
    }
  }

  /** Aborts the turn when another checkpoint has to be sent than the one that is. */
  async #decideAnew(pass: PassOptions, turn: AbortController, over: AbortSignal): Promise<void> {
    const { clock, isOvertaken } = this.#options;
    if (this.deadlineOf(pass) === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        over.addEventListener('abort', () => resolve(), { once: true });
      });
    for (;;) {
      await clock.sleep(DECIDE_EVERY_MS, over);
      const hurried = this.hurried(pass);
      if (hurried.deadlineMs === undefined || !(await isOvertaken(hurried))) continue;
      return turn.abort(new Error('the rate has fallen: a checkpoint that can still be secured goes first'));
    }
  }
}
