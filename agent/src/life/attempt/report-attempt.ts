import { type Clock, type Log, messageOf } from '@runctl/core';
import type { PassReport } from '@runctl/checkpoint';
import type { AttemptDrained, AttemptOutcome } from '@runctl/protocol';
import type { Ending, FlushResult } from '../../lifecycle/model.ts';
import type { AttemptVerdict } from '../../recovery/verdict.ts';
import type { DrainNotes } from '../../reporting/drain-notes.ts';
import type { LifeEvents } from '../../reporting/life-events.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { RunDocuments } from '../../reporting/run-documents.ts';

/** The verdict that ends a generation on this machine; after `restart` the generation goes on. */
export type LastVerdict = Exclude<AttemptVerdict, { next: 'restart' }>;

export interface AttemptReport {
  readonly ending: Ending;
  readonly flush: FlushResult;
  readonly verdict: AttemptVerdict;
  readonly drain: DrainNotes | null;
  readonly exitMs: number | null;
  readonly flushMs: number | null;
  readonly lastPass: PassReport | null;
  /** What was saved last and is not durable, for people; null when all of it is. */
  readonly unsaved: string | null;
  /** The deadline came before the last pass could say what it leaves. */
  readonly isCutShort: boolean;
  readonly ranMs: number;
  readonly logBytes: number;
}

export interface ReportAttemptParts {
  readonly documents: Pick<RunDocuments, 'putDrained' | 'putOutcome'>;
  /** Null where the workload was not told to stop. Never rejects. */
  readonly drainedOf: (report: AttemptReport) => Promise<AttemptDrained | null>;
  /** Never rejects. */
  readonly outcomeOf: (report: AttemptReport, verdict: LastVerdict, signal: AbortSignal) => Promise<AttemptOutcome>;
  readonly events: Pick<LifeEvents, 'pass'>;
  readonly life: Pick<LifeState, 'warn'>;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 500;

/** Writes down how the attempt ended, again and again until the bucket has it or the signal fires; then rejects. */
export async function reportAttempt(
  parts: ReportAttemptParts,
  report: AttemptReport,
  signal: AbortSignal,
): Promise<void> {
  const { clock, documents, events, log, outcomeOf } = parts;
  const drained = await parts.drainedOf(report);
  let outcome: AttemptOutcome | null = null;
  if (drained !== null && report.ending.cause !== 'fenced') warnOfLoss(parts, drained, report.ending.cause);
  for (;;) {
    signal.throwIfAborted();
    try {
      if (drained !== null) await documents.putDrained(drained, signal);
      if (report.verdict.next === 'restart') return;
      outcome ??= await outcomeOf(report, report.verdict, signal);
      // At once, so that no number of events keeps the outcome from being written before a deadline.
      await Promise.all([documents.putOutcome(outcome, signal), events.pass(signal)]);
      return;
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'how the attempt ended could not be written yet');
      await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}

function warnOfLoss(
  { life }: Pick<ReportAttemptParts, 'life'>,
  { drain: { newCheckpoint, notDurable } }: AttemptDrained,
  cause: Ending['cause'],
): void {
  if (newCheckpoint) return;
  life.warn(
    notDurable.length === 0
      ? `no new complete checkpoint appeared after SIGTERM (${cause})`
      : `what was saved after SIGTERM (${cause}) is not durable: ${notDurable.join('; ')}`,
  );
}
