import type { Clock } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { Journal } from '../../journal/journal.ts';
import type { Ending, FlushResult } from '../../lifecycle/model.ts';
import type { FailureReason } from '../../recovery/failure-reason.ts';
import { type AttemptVerdict, crashOf, hiddenFailureText } from '../../recovery/verdict.ts';
import type { LifeEvents } from '../../reporting/life-events.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { ElsewhereWatch } from '../../reporting/elsewhere-watch.ts';
import { mayHaveSaved, unsavedAfter } from '../../reporting/unsaved.ts';
import type { AttemptDrain } from './attempt-drain.ts';
import type { AttemptFlush } from './attempt-flush.ts';
import type { EndedAttempt } from './attempt-verdict.ts';
import type { AttemptWorkload } from './attempt-workload.ts';
import type { AttemptReport } from './report-attempt.ts';
import { appendCrash, appendCutOff } from './restart-events.ts';
import type { StartFacts } from './start-facts.ts';
import type { UnprovenSaves } from './unproven-saves.ts';

export interface AttemptEndingParts {
  readonly workload: Pick<AttemptWorkload, 'exitMs' | 'isAdopted' | 'markerUntilMs' | 'ranMs'>;
  /** Whether the outcome of the launch says that it has succeeded, as far as this agent knows. */
  readonly isDecided: () => boolean;
  /** Whether it says so in the bucket, where an earlier agent may have written it. False where no answer comes soon. Never rejects. */
  readonly hasSucceeded: (signal: AbortSignal) => Promise<boolean>;
  readonly drain: Pick<AttemptDrain, 'notes'>;
  readonly flush: AttemptFlush;
  readonly elsewhere: Pick<ElsewhereWatch, 'atEnd' | 'stop'>;
  readonly unproven: Pick<UnprovenSaves, 'forget' | 'text'>;
  readonly journal: Journal;
  readonly judge: {
    verdictOn(ended: EndedAttempt): AttemptVerdict;
    /** Rejects with the signal's reason only. */
    report(report: AttemptReport, signal: AbortSignal): Promise<void>;
  };
  readonly events: Pick<LifeEvents, 'append'>;
  readonly life: Pick<LifeState, 'warn'>;
  readonly clock: Clock;
  readonly facts: Pick<StartFacts, 'failureReason' | 'hiddenFailure'>;
}

/** Judges how a workload ended, notes a crash for the next try, and writes the report. */
export class AttemptEnding {
  readonly #parts: AttemptEndingParts;
  #unsaved: string | null = null;
  #reason: FailureReason | null = null;
  #elsewhere: string | null = null;
  #hiddenFailure: string | null = null;
  #verdict: AttemptVerdict | null = null;
  #isDecided = false;
  #unreported: AttemptReport | null = null;

  constructor(parts: AttemptEndingParts) {
    this.#parts = parts;
  }

  /** The verdict of the report; of an ending that was not reported, what is known without. */
  verdictOn(ending: Ending): AttemptVerdict {
    return this.#verdict ?? this.#judge(ending);
  }

  /** See `AttemptActions`. */
  async report(ending: Ending, flushResult: FlushResult, signal: AbortSignal): Promise<void> {
    const { drain, elsewhere, events, facts, flush, judge, life, workload } = this.#parts;
    elsewhere.stop();
    this.#reason = await facts.failureReason(ending);
    this.#hiddenFailure = await facts.hiddenFailure(ending);
    if (this.#hiddenFailure !== null) life.warn(hiddenFailureText(this.#hiddenFailure));
    const isCutShort = await flush.isCutShort(signal);
    const { lastPass } = flush;
    if (mayHaveSaved(ending)) await appendCutOff(events, lastPass?.passedOver ?? []);
    const unsaved = unsavedAfter({ ending, flush: flushResult, lastPass, isCutShort });
    const output = mayHaveSaved(ending) ? flush.unsavedOutput : null;
    this.#unsaved = [unsaved, output].filter((each) => each !== null).join('; ') || null;
    // Where a deadline presses there is no time, and another machine goes on.
    if (ending.cause === 'exited' && ending.exit?.code === 0) this.#elsewhere = await elsewhere.atEnd();
    let verdict = this.#judge(ending);
    // What is done is not begun again, whatever became of its marker and of the agent that saw it.
    if (verdict.next === 'restart' && workload.isAdopted && (await this.#parts.hasSucceeded(signal))) {
      this.#isDecided = true;
      verdict = this.#judge(ending);
    }
    this.#verdict = verdict;
    if (verdict.next === 'restart') await this.#noteCrash(ending, verdict);
    const report = {
      ending,
      flush: flushResult,
      verdict,
      drain: drain.notes,
      exitMs: workload.exitMs,
      flushMs: flush.tookMs,
      lastPass,
      unsaved: this.#unsaved,
      isCutShort,
      ranMs: workload.ranMs(),
      logBytes: flush.shippedBytes(),
    };
    this.#unreported = report;
    await judge.report(report, signal);
    this.#unreported = null;
  }

  /** Writes the report that the deadline cut off, if the machine lives on. Rejects with the signal's reason only. */
  async reportLate(signal: AbortSignal): Promise<void> {
    if (this.#unreported !== null) await this.#parts.judge.report(this.#unreported, signal);
  }

  /** Forgets the last ending, before the next try. */
  forget(): void {
    this.#verdict = null;
    this.#unsaved = null;
    this.#reason = null;
    this.#elsewhere = null;
    this.#hiddenFailure = null;
    this.#parts.unproven.forget();
  }

  #judge(ending: Ending): AttemptVerdict {
    const { drain, isDecided, judge, unproven, workload } = this.#parts;
    const { markerUntilMs } = workload;
    return judge.verdictOn({
      decided: this.#isDecided || isDecided(),
      ending,
      unsaved: this.#unsaved,
      elsewhere: this.#elsewhere,
      hiddenFailure: this.#hiddenFailure,
      unproven: unproven.text,
      hurried: drain.notes?.isHurried ?? false,
      reason: this.#reason,
      markerUntilMs,
      ranMs: workload.ranMs(),
    });
  }

  async #noteCrash(ending: Ending, verdict: Extract<AttemptVerdict, { next: 'restart' }>): Promise<void> {
    const { clock, events, journal, workload } = this.#parts;
    const attempt = journal.state.attempt;
    const crash = crashOf(ending, workload.ranMs(), this.#reason);
    if (attempt === null || crash === null) return;
    await journal.updateAttempt({
      crashes: [...attempt.crashes, { ...crash, workload: attempt.workload?.id ?? null }],
      backoffUntil: timestampOf(clock.wallMs() + verdict.afterMs),
    });
    await appendCrash({ events }, { ending, crash, consequence: verdict.message });
  }
}
