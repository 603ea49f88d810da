import type { Clock } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { JournalAttempt } from '../journal/journal.ts';
import type { Drain } from '../lifecycle/model.ts';
import type { DrainTimes } from './drain-record.ts';

type JournalDrain = NonNullable<JournalAttempt['drain']>;

const wallOf = (monotonicMs: number, clock: Clock): number => clock.wallMs() + (monotonicMs - clock.monotonicMs());

/** What is kept of a drain: for the report, for the script's preempt file, and for an agent that takes over in its middle. */
export class DrainNotes {
  #kept: JournalDrain;

  constructor(kept: JournalDrain) {
    this.#kept = kept;
  }

  /** `seenMs` is monotonic: when the stop was first seen. */
  static begin(
    drain: Drain,
    {
      seenMs,
      stepAtStop,
      clock,
    }: { readonly seenMs: number; readonly stepAtStop: number | null; readonly clock: Clock },
  ): DrainNotes {
    const notes = new DrainNotes({
      cause: drain.cause,
      seenAt: timestampOf(wallOf(seenMs, clock)),
      termAt: timestampOf(clock.wallMs()),
      haltAt: null,
      killAt: null,
      killed: false,
      stepAtStop,
      windowMs: drain.haltAtMs === null ? null : Math.max(0, Math.round(drain.haltAtMs - seenMs)),
    });
    notes.deadlines(drain, clock);
    return notes;
  }

  deadlines(drain: Drain, clock: Clock): void {
    const at = (ms: number | null): string | null =>
      ms === null || !Number.isFinite(ms) ? null : timestampOf(wallOf(ms, clock));
    this.#kept = { ...this.#kept, haltAt: at(drain.haltAtMs), killAt: at(drain.killAtMs), killed: drain.killed };
  }

  termAt(wallMs: number): void {
    this.#kept = { ...this.#kept, termAt: timestampOf(wallMs) };
  }

  stoppedAtStep(step: number | null): void {
    this.#kept = { ...this.#kept, stepAtStop: step ?? this.#kept.stepAtStop };
  }

  forJournal(): JournalDrain {
    return this.#kept;
  }

  /** RUNCTL_PREEMPT_FILE: why, and until when the script may work on. */
  forScript(): string {
    return `${JSON.stringify({ cause: this.#kept.cause, deadline: this.#kept.killAt })}\n`;
  }

  times(): DrainTimes {
    const { cause, seenAt, termAt, windowMs, stepAtStop } = this.#kept;
    return { cause, seenMs: Date.parse(seenAt), termMs: Date.parse(termAt), windowMs, stepAtStop };
  }
}

/** The drain as the machine's state has it, for this process's clock. */
export function adoptedDrain(kept: JournalDrain, clock: Clock): Drain {
  const monotonic = (at: string | null): number | null =>
    at === null ? null : clock.monotonicMs() + (Date.parse(at) - clock.wallMs());
  return {
    cause: kept.cause,
    haltAtMs: monotonic(kept.haltAt),
    killAtMs: monotonic(kept.killAt) ?? Number.POSITIVE_INFINITY,
    killed: kept.killed,
  };
}
