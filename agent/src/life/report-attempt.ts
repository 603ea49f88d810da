import { messageOf } from '@runctl/core';
import { type AttemptOutcome, FORMAT_VERSION, timestampOf } from '@runctl/protocol';
import type { PassReport } from '@runctl/checkpoint';
import { costUsd } from '../reporting/cost.ts';
import type { Ending, FlushResult } from '../lifecycle/model.ts';
import type { AttemptVerdict } from '../recovery/verdict.ts';
import type { LifeContext } from './attempt-context.ts';
import type { DrainNotes } from '../reporting/drain-notes.ts';
import { durableStep } from './launch-outcome.ts';
import { drainReportOf, writesSince } from '../reporting/drain-record.ts';

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
  readonly unlooked: boolean;
  readonly ranMs: number;
  readonly logBytes: number;
}

const RETRY_MS = 500;

/** Writes down how the attempt ended, again and again until the bucket has it or the signal fires; then rejects. */
export async function reportAttempt(context: LifeContext, report: AttemptReport, signal: AbortSignal): Promise<void> {
  const { documents, life, ports } = context;
  const drained = await drainedDocument(context, report);
  let outcome: AttemptOutcome | null = null;
  if (drained?.drain.newCheckpoint === false && report.ending.cause !== 'fenced')
    life.warn(
      drained.drain.notDurable.length === 0
        ? `no new complete checkpoint appeared after SIGTERM (${report.ending.cause})`
        : `what was saved after SIGTERM (${report.ending.cause}) is not durable: ${drained.drain.notDurable.join('; ')}`,
    );
  for (;;) {
    signal.throwIfAborted();
    try {
      if (drained !== null) await documents.putDrained(drained, signal);
      if (report.verdict.next !== 'restart')
        outcome ??= await outcomeDocument(context, { report, verdict: report.verdict, signal });
      if (outcome !== null) await documents.putOutcome(outcome, signal);
      return;
    } catch (error) {
      ports.log.warn({ error: messageOf(error) }, 'how the attempt ended could not be written yet');
      await ports.clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}

function placeOf({ facts, journal, node, ports }: LifeContext) {
  return {
    version: FORMAT_VERSION,
    generation: journal.state.attempt?.generation ?? 1,
    node,
    launch: ports.config.launch,
    machineId: facts.identity.machineId,
    at: timestampOf(ports.clock.wallMs()),
  } as const;
}

async function drainedDocument(context: LifeContext, report: AttemptReport) {
  if (report.drain === null) return null;
  const times = report.drain.times();
  const writes = await writesSince(context.folders.checkpoint, times.termMs);
  const drain = drainReportOf(times, {
    generation: context.journal.state.attempt?.generation ?? 1,
    exitMs: report.exitMs,
    killed: report.ending.killed,
    writes,
    flushMs: report.flushMs,
    lastPass: report.lastPass,
    unlooked: report.unlooked,
    durable: context.checkpoints.publisher.durable(),
  });
  return { ...placeOf(context), drain };
}

interface OutcomeRequest {
  readonly report: AttemptReport;
  readonly verdict: Exclude<AttemptVerdict, { next: 'restart' }>;
  readonly signal: AbortSignal;
}

async function outcomeDocument(
  context: LifeContext,
  { report, verdict, signal }: OutcomeRequest,
): Promise<AttemptOutcome> {
  const { checkpoints, facts, journal, life, ports } = context;
  const known = checkpoints.publisher.durable();
  const paidSince = Date.parse(journal.state.attempt?.paidSince ?? '');
  const paidMs = Number.isNaN(paidSince) ? 0 : ports.clock.wallMs() - paidSince;
  const logCut = report.flush !== 'complete' && report.unsaved === null;
  return {
    ...placeOf(context),
    status: verdict.attempt,
    cause: report.ending.cause,
    exitCode: report.ending.exit?.code ?? null,
    signal: report.ending.exit?.signal ?? null,
    message: logCut ? `${verdict.message}; the end of the log could not be saved` : verdict.message,
    step: life.lastStep,
    durableStep: known === null ? await durableStep(context, signal) : known.step,
    ranMs: report.ranMs,
    costUsd: costUsd(facts.pricePerHourUsd, paidMs),
    logBytes: report.logBytes,
  };
}
