import type { Clock } from '@runctl/core';
import { type AttemptStatus, timestampOf } from '@runctl/protocol';
import type { JournalAttempt } from '../journal/journal.ts';
import type { Drain } from '../lifecycle/model.ts';
import { unseenSave } from '../lifecycle/saving.ts';
import type { DrainTimes } from './drain-record.ts';

type JournalDrain = NonNullable<JournalAttempt['drain']>;

const wallOf = (monotonicMs: number, clock: Clock): number => clock.wallMs() + (monotonicMs - clock.monotonicMs());

/**
 * The record of one drain. It serves the attempt's report, the preempt file that the script reads, and an agent that
 * restarts in the middle of the drain. Its times are wall times, since a monotonic clock ends with its process.
 */
export class DrainNotes {
  #kept: JournalDrain;

  constructor(kept: JournalDrain) {
    this.#kept = kept;
  }

  /**
   * Begins the record right before SIGTERM is sent. `seenMs` is when the stop was first seen (monotonic), `stepAtStop`
   * the last step that is known by then.
   */
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
      hurried: false,
      stepAtStop,
      caughtTerm: null,
      windowMs: drain.haltAtMs === null ? null : Math.max(0, Math.round(drain.haltAtMs - seenMs)),
      saving: null,
    });
    notes.deadlines(drain, clock);
    return notes;
  }

  /** Records the drain's deadlines, which may move, and whether the workload was killed. */
  deadlines(drain: Drain, clock: Clock): void {
    const at = (ms: number | null): string | null => timestampAt(ms, clock);
    const saving = drain.saving === null ? null : { limitAt: at(drain.saving.limitAtMs) };
    const [haltAt, killAt] = [at(drain.haltAtMs), at(drain.killAtMs)];
    this.#kept = { ...this.#kept, haltAt, killAt, killed: drain.killed, saving };
  }

  /** The stop as a status shows it; null where the machine is going, which shows in its own way. */
  stopping({ saving, killed, cause, killAtMs }: Drain, longestStopMs: number, clock: Clock): AttemptStatus['stopping'] {
    if (saving === null || killed) return null;
    const since = this.#kept.termAt;
    const endsByMs = Math.min(saving.limitAtMs, saving.askedAtMs + longestStopMs);
    const [lastByteAt, endsAt] = [timestampAt(saving.lastByteMs, clock), timestampAt(killAtMs, clock)];
    return { cause, since, lastByteAt, endsAt, endsBy: timestampAt(endsByMs, clock) };
  }

  /** Records when SIGTERM was sent (wall time). */
  termAt(wallMs: number): void {
    this.#kept = { ...this.#kept, termAt: timestampOf(wallMs) };
  }

  /** Records whether SIGTERM was caught; null keeps what is recorded. */
  caughtTerm(caught: boolean | null): void {
    this.#kept = { ...this.#kept, caughtTerm: caught ?? this.#kept.caughtTerm };
  }

  /** Records that the workload is killed because whoever stopped it gave it no more time. */
  hurry(): void {
    this.#kept = { ...this.#kept, hurried: true };
  }

  get isHurried(): boolean {
    return this.#kept.hurried;
  }

  /** Records the step at which SIGTERM reached the training; null keeps the one that is recorded. */
  stoppedAtStep(step: number | null): void {
    this.#kept = { ...this.#kept, stepAtStop: step ?? this.#kept.stepAtStop };
  }

  /** The record as the journal, and the note beside the signal, keep it. */
  forJournal(): JournalDrain {
    return this.#kept;
  }

  /** The content of RUNCTL_PREEMPT_FILE: why the script has to stop, and when it is killed (null: no limit). */
  forScript(): string {
    return `${JSON.stringify({ cause: this.#kept.cause, deadline: this.#kept.killAt })}\n`;
  }

  /** The times that the drain's report is counted from. */
  times(): DrainTimes {
    const { cause, seenAt, termAt, windowMs, stepAtStop, caughtTerm } = this.#kept;
    return { cause, seenMs: Date.parse(seenAt), termMs: Date.parse(termAt), windowMs, stepAtStop, caughtTerm };
  }
}

function timestampAt(monotonicMs: number | null, clock: Clock): string | null {
  return monotonicMs === null || !Number.isFinite(monotonicMs) ? null : timestampOf(wallOf(monotonicMs, clock));
}

/**
 * Turns the record of an earlier agent into the state of the drain, with times of this process's monotonic clock. It says
 * nothing of what was saved meanwhile.
 */
export function adoptedDrain(kept: JournalDrain, clock: Clock): Drain {
  const monotonic = (at: string | null): number | null =>
    at === null ? null : clock.monotonicMs() + (Date.parse(at) - clock.wallMs());
  return {
    cause: kept.cause,
    haltAtMs: monotonic(kept.haltAt),
    killAtMs: monotonic(kept.killAt) ?? Number.POSITIVE_INFINITY,
    killed: kept.killed,
    saving:
      kept.saving === null
        ? null
        : {
            ...unseenSave,
            askedAtMs: monotonic(kept.termAt) ?? clock.monotonicMs(),
            limitAtMs: monotonic(kept.saving.limitAt) ?? Number.POSITIVE_INFINITY,
          },
  };
}
